export type { AuditEntry, OldBody } from './audit-entry.ts';
export type { DeadLetter, DeadLetterDetails } from './dead-letter.ts';
export type { DeadLetterChoice, DeadLetterFilter } from './dead-letter-filter.ts';
export { deadLetterSchema } from './dead-letter-schema.ts';
export {
  createDeadLetters,
  type DeadLetterGroup,
  type DeadLetters,
  KeyChangedError,
  NoDeadLetterError,
  type Redriven,
} from './dead-letters.ts';
export type { DeadLettersOptions, Page, RedriveOptions } from './options.ts';
