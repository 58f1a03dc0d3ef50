import type { Database } from '@holdfast/postgres';

/** What reads and writes the log: single statements, each in a transaction of its own. */
export type Execute = Pick<Database<never>, 'schema' | 'execute'>;
