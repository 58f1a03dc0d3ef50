export type { Due, DueQuery, DueSequence, DueSequences, ParkedMessage } from './due-sequences.ts';
export {
  createInbox,
  type Inbox,
  type Once,
  type OnceBatchOutcome,
  type OnceOptions,
  type OnceOutcome,
} from './inbox.ts';
export {
  createInboxRelay,
  type InboxRelayOptions,
  RejectedError,
  type StoredDelivery,
  storedToken,
} from './inbox-relay.ts';
export { inboxSchema } from './inbox-schema.ts';
export {
  createMessageStore,
  InboxFullError,
  type MessageStore,
  type MessageStoreOptions,
} from './message-store.ts';
export { checkRetention, type PruneOptions, RetentionTooShortError } from './prune.ts';
export { type Pruner, startPruner } from './pruner.ts';
export type { SequenceClaim } from './sequence-claim.ts';
export {
  createSequences,
  type Death,
  type Failed,
  type Failing,
  type Failure,
  type OwnedSequences,
  type Parkable,
  type Parking,
  type ParkOutcome,
  type Sequences,
  SequencesFullError,
  type SequencesOptions,
} from './sequences.ts';
export { createStarts, type Starts, type StartsOptions } from './starts.ts';
export { createStoredDeaths, type StoredDeath, type StoredDeaths, type StoredDeathsOptions } from './stored-deaths.ts';
export { createStoredEffects, type StoredEffects, type StoredEffectsOptions } from './stored-effects.ts';
export { createStoredRetries, type StoredPlace, type StoredRetries, type StoredRetry } from './stored-retries.ts';
export { encodeBody } from './stored-row.ts';
export { readStoredState, type StoredState } from './stored-state.ts';
