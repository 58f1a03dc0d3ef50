/**
 * A message, the same on every transport. Immutable.
 *
 * `headers` follow CloudEvents binary mode under the names of {@link headerNames}; `id` and `type` travel in the places
 * each broker's users expect them.
 */
export interface Message {
  /** Unique for ever: a copy of the message has the same id, another message never has. */
  readonly id: string;
  readonly type: string;
  /** What must stay in order. Absent: the message has no order. */
  readonly key?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
