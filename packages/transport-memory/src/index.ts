export { createMemoryBroker, type MemoryBroker, type Overflowing } from './broker.ts';
export { EarlierFailedError, GroupRunningError, NotSentError, TopicFullError } from './errors.ts';
export type { MemoryTransportOptions } from './options.ts';
export { memoryTransport } from './transport.ts';
