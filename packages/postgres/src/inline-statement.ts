import { createHash } from 'node:crypto';
import type { Statement } from './database.ts';
import { quoteIdentifier, quoteLiteral } from './quote-identifier.ts';

/** The statements that a connection has been told, by text. */
const prepared = new WeakMap<object, Map<string, string>>();

/** Each is kept on the server for as long as its connection lives. */
const maxPrepared = 50;

/**
 * A statement with its values as text, to go in one message with others; a text of several cannot have parameters. Prepared
 * at its first use on a connection straight to its backend: to parse and plan an insert takes longer than to run it.
 */
export const inlineStatement = (client: object, { text, values }: Statement): string => {
  const known = prepared.get(client) ?? new Map<string, string>();
  prepared.set(client, known);
  const name = known.get(text);
  if (name !== undefined) return executed(name, values);
  if (known.size >= maxPrepared) return written({ text, values });
  // Known from here on, also if that fails: a name that is not there makes the connection a stale one, which is given up.
  const fresh = quoteIdentifier(`inline_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`);
  known.set(text, fresh);
  return `prepare ${fresh} as ${text}; ${executed(fresh, values)}`;
};

const executed = (name: string, values: readonly string[]): string =>
  `execute ${name}${values.length > 0 ? `(${values.map(quoteLiteral).join(', ')})` : ''}`;

const written = ({ text, values }: Statement): string =>
  text.replaceAll(/\$(\d+)/g, (parameter, place) => {
    const value = values[Number(place) - 1];
    if (value === undefined) throw new RangeError(`a statement has ${parameter} but only ${values.length} values`);
    return quoteLiteral(value);
  });
