export {
  createInbox,
  type Inbox,
  type Once,
  type OnceBatchOutcome,
  type OnceOptions,
  type OnceOutcome,
  type PruneOptions,
  RetentionTooShortError,
} from './inbox.ts';
export { inboxSchema } from './inbox-schema.ts';
