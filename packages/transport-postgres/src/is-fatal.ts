import { sqlState } from '@holdfast/postgres';

/** Whether what a statement found wrong is there until somebody migrates, or grants. */
export const isFatal = (error: unknown): boolean => fatal.has(sqlState(error) ?? '');

/** Undefined table, schema, function, column; insufficient privilege. */
const fatal = new Set(['42P01', '3F000', '42883', '42703', '42501']);
