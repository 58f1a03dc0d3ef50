export type { AuditEntry } from './audit-entry.ts';
export type { DeadLetter, DeadLetterDetails } from './dead-letter.ts';
export type { DeadLetterChoice, DeadLetterFilter } from './dead-letter-filter.ts';
export { deadLetterSchema } from './dead-letter-schema.ts';
export {
  createDeadLetters,
  type DeadLetterGroup,
  type DeadLetters,
  type DeadLettersOptions,
  KeyChangedError,
  NoDeadLetterError,
  type Page,
  type Redriven,
  type RedriveOptions,
} from './dead-letters.ts';
