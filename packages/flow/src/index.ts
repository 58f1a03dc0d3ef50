export { type Announcer, createAnnouncer } from './announcer.ts';
export {
  type Batcher,
  BatcherFullError,
  type BatcherOptions,
  BatchResultError,
  createBatcher,
} from './batcher.ts';
export { type Bell, createBell } from './bell.ts';
export { ClaimEndedError } from './claim.ts';
export { type ContiguousRing, createContiguousRing, type Ticket } from './contiguous-ring.ts';
export {
  type AttemptFailure,
  type DeathCertificate,
  deadHeaderNames,
  deadMessage,
  deadTopicOf,
  headerText,
  isDeadTopic,
} from './dead-message.ts';
export {
  createDeclaredTopology,
  type DeclaredTopology,
  type DeclaredTopologyOptions,
} from './declared-topology.ts';
export { createFailedPartitions, type FailedPartitions } from './failed-partitions.ts';
export { createFifo, type Fifo } from './fifo.ts';
export { createInTurn } from './in-turn.ts';
export { createIntake, type Intake, type IntakeOptions, type IntakePartition, type IntakeRecord } from './intake.ts';
export { createLanes, type Lanes, type LanesOptions, type Turn } from './lanes.ts';
export { type Lease, LeaseLostError, type LeaseRecord } from './lease.ts';
export {
  createLeasedPartitions,
  type LeasedPartition,
  type LeasedPartitions,
  type LeasedPartitionsOptions,
} from './leased-partitions.ts';
export {
  createMailbox,
  type Mailbox,
  type MailboxCounters,
  MailboxFullError,
  type MailboxOptions,
  type Offered,
  type Overflow,
} from './mailbox.ts';
export { nextTurn } from './next-turn.ts';
export { partitionOf } from './partition-of.ts';
export { passOver } from './pass-over.ts';
export {
  createPositionKeeper,
  type KeptPosition,
  type PositionKeeper,
  type PositionKeeperOptions,
} from './position-keeper.ts';
export { readForeign, refuseUnreadable, type UnreadableOptions, unreadableMessage } from './read-foreign.ts';
export { settledOrAborted } from './settled-or-aborted.ts';
export {
  createSharedLeases,
  type LeaseShare,
  type LeaseStore,
  type SharedLeases,
  type SharedLeasesOptions,
} from './shared-leases.ts';
export { whyPaused, whyStalled } from './stalled.ts';
export { createTransportLife, type TransportLife, type TransportParts } from './transport-life.ts';
export { createWaiters } from './waiters.ts';
export { createWatermarks, type Watermarks, type WatermarksOptions } from './watermarks.ts';
export { createWindow, type Window } from './window.ts';
export { within } from './within.ts';
