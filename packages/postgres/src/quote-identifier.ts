import { InvalidOptionError } from '@holdfast/core';

/** Postgres cuts longer names silently, so that two names could mean one thing. */
const maxIdentifierBytes = 63;

/** A name as SQL text. Throws `invalid_option` for one that Postgres cannot hold as it is. */
export const quoteIdentifier = (name: string): string => {
  const bytes = Buffer.byteLength(name);
  if (name === '' || bytes > maxIdentifierBytes || name.includes('\0') || !name.isWellFormed()) {
    throw new InvalidOptionError(
      'identifier',
      `found ${JSON.stringify(name.slice(0, 80))} (${bytes} bytes), expected 1 to ${maxIdentifierBytes} bytes of text without NUL`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
};

/** The schema of our tables, quoted. Stricter than Postgres, because the name is also written in scripts and grants. */
export const quoteSchema = (name = 'holdfast'): string => {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) {
    throw new InvalidOptionError(
      'schema',
      `found ${JSON.stringify(name.slice(0, 80))}, expected lower-case letters, digits and _ (at most 63), not starting with a digit`,
    );
  }
  return quoteIdentifier(name);
};

/** A text as an SQL literal, for the few statements that cannot take parameters. The same whatever the server's settings. */
export const quoteLiteral = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
