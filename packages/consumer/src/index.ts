export type { BatchOptions } from './batch-route.ts';
export { type Consumer, createConsumer } from './consumer.ts';
export type { AfterDeadLetter, ConsumerOptions, RetryOptions } from './consumer-options.ts';
export { CopyInProgressError, type DeduplicateOptions, DeduplicationUnavailableError } from './deduplicate.ts';
export { InboxUnavailableError, OnceTwiceError } from './errors.ts';
export type {
  BatchContext,
  BatchEntry,
  BatchHandler,
  BatchOnce,
  ClaimedDelivery,
  Context,
  MessageHandler,
  WithOnce,
} from './handler-types.ts';
export type { ConsumerHealth } from './health.ts';
export type { ConsumerStats } from './stats.ts';
