/** What an error says, for a log line or a reason; what was thrown instead of an error, as text. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
