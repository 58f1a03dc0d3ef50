export type {
  ParkedRow as ParkedMessage,
  ParkedRowsQuery as ParkedQuery,
  ParkedRowsTarget as RetryTarget,
} from '@holdfast/relay';
export { KeyDeadlockError, OutboxFullError, TooManyKeysError } from './errors.ts';
export { type AddOptions, createOutbox, type Outbox, type OutboxEntry, type OutboxOptions } from './outbox.ts';
export { createOutboxRelay, type OutboxRelayOptions } from './outbox-relay.ts';
export { outboxSchema } from './outbox-schema.ts';
