import { InvalidOptionError } from '@holdfast/core';

/** Which dead letters: those that all given parts fit. A part that is unknown or undefined is refused: it would fit all. */
export interface DeadLetterFilter {
  readonly id?: string;
  readonly key?: string;
  /** Of failures that look alike, from `groups()`. */
  readonly signature?: string;
  readonly topic?: string;
  readonly type?: string;
  /** Dead for at least so long. */
  readonly olderThanMs?: number;
}

/** What a verb acts on. All of them only where that is said: a filter without parts is refused. */
export type DeadLetterChoice = DeadLetterFilter | { readonly all: true };

const parts = ['id', 'key', 'signature', 'topic', 'type', 'olderThanMs'];

/** Throws `invalid_option` for a part that is not known, or that has no value. */
export const checkFilter = (filter: DeadLetterFilter): DeadLetterFilter => {
  if (typeof filter !== 'object' || filter === null)
    throw new InvalidOptionError('filter', `found ${filter}; ${expected}`);
  for (const [part, value] of Object.entries(filter)) {
    if (!parts.includes(part))
      throw new InvalidOptionError(part, `a filter of dead letters has no such part; ${expected}`);
    const fine = part === 'olderThanMs' ? Number.isFinite(value) && value >= 0 : typeof value === 'string';
    if (fine) continue;
    const wanted = part === 'olderThanMs' ? 'a number of milliseconds from 0' : 'a string';
    throw new InvalidOptionError(part, `found ${value}; expected ${wanted}, or leave it out, which fits all`);
  }
  return filter;
};

const expected = `expected an object with ${parts.join(', ')}`;

/** Throws `invalid_option` where it is not said which. */
export const checkChoice = (choice: DeadLetterChoice): DeadLetterFilter => {
  if (typeof choice === 'object' && choice !== null && 'all' in choice) {
    const others = Object.keys(choice).filter((part) => part !== 'all');
    if (choice.all === true && others.length === 0) return {};
    throw new InvalidOptionError(
      'all',
      `found ${JSON.stringify(choice)}; expected { all: true } alone, or other parts without it`,
    );
  }
  if (Object.keys(checkFilter(choice)).length > 0) return choice;
  throw new InvalidOptionError(
    'filter',
    'found no part, which fits all dead letters; give one, or { all: true } for all of them',
  );
};

/** The condition on the stored message `p` of the group `$1`; `$2` is the filter as JSON. */
export const fits = (schema: string): string => `
  p."group" = $1::text and (p.state <> 'waiting' or p.due_at = 'infinity')
  and ($2::text::jsonb ->> 'id' is null or p.id = $2::text::jsonb ->> 'id')
  and ($2::text::jsonb ->> 'key' is null or p.key = $2::text::jsonb ->> 'key')
  and ($2::text::jsonb ->> 'signature' is null or p.signature = $2::text::jsonb ->> 'signature')
  and ($2::text::jsonb ->> 'topic' is null or p.topic = $2::text::jsonb ->> 'topic')
  and ($2::text::jsonb ->> 'type' is null or p.type = $2::text::jsonb ->> 'type')
  and ($2::text::jsonb ->> 'olderThanMs' is null or p.died_at <=
    ${schema}.now() - ($2::text::jsonb ->> 'olderThanMs')::float8 * interval '1 millisecond')`;
