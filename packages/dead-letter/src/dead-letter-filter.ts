/** Which dead letters: those that all given parts fit. */
export interface DeadLetterFilter {
  readonly id?: string | undefined;
  readonly key?: string | undefined;
  /** Of failures that look alike, from `groups()`. */
  readonly signature?: string | undefined;
  readonly topic?: string | undefined;
  readonly type?: string | undefined;
  /** Dead for at least so long. */
  readonly olderThanMs?: number | undefined;
}

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
