/** What a transport can do, as data: read by the conformance suite, by `explain` and by the docs' table. */
export interface Capabilities {
  /** A confirmed message survives a crash of the broker's process. */
  readonly durable: boolean;
  /** A new group may start at the earliest kept message. */
  readonly replay: boolean;
  /** A group's position can be moved. */
  readonly seek: boolean;
  /** A failed message fails all that were sent after it in its partition; so several of one key may be in flight at once. */
  readonly failsSuffix: boolean;
  /** The longest `retry` it can hold in process while other keys go on, in milliseconds. */
  readonly maxHoldMs: number;
  /** The largest body, in bytes. */
  readonly maxBodyBytes: number;
  /** Work spreads over several processes of a group. */
  readonly balances: boolean;
}
