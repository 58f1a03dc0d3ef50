export { ShardMismatchError } from './errors.ts';
export { createParkedRows, type ParkedRow, type ParkedRowsQuery, type ParkedRowsTarget } from './parked-rows.ts';
export { createRelay, type Relay, type RelaySource, type RelayStats } from './relay.ts';
export type { RelayOptions } from './relay-options.ts';
export { type RelayRow, type RowEncoding, rowMessage, storedMessage } from './relay-row.ts';
export type { RelaySink, SendOutcome } from './relay-sink.ts';
export { type RelayTable, relayTable } from './relay-table.ts';
export { wakeChannel, wakeRelays } from './wake-up.ts';
