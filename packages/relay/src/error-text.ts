const maxLength = 500;

/** An error as one short line, for people: its code or name, and its message; never a body. */
export const errorText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error).slice(0, maxLength);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `${code}: ${error.message}`.slice(0, maxLength);
};
