/** One row, every column as text: our SQL casts, so that no driver's or user's type parser can change a value. */
export type Row = Readonly<Record<string, string | null>>;

export interface TransactionOptions {
  /** Ends the transaction from outside: it rejects with the signal's reason and what it wrote is not there. */
  readonly signal?: AbortSignal | undefined;
}

/** One statement. Its columns must be text, and a `$` in it is a parameter. */
export interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

export interface OpeningOptions extends TransactionOptions {
  /** The first statement; where the client allows it, it goes with BEGIN in one round trip. */
  readonly opening?: Statement | undefined;
}

/** Hears one channel until the connection breaks (rejects) or the signal aborts (resolves). */
export type Listen = (channel: string, onNotify: () => void, options: ListenOptions) => Promise<void>;

export interface ListenOptions {
  readonly signal: AbortSignal;
  /** Called when the session listens, and again when a client library has reconnected by itself. */
  readonly onListening: () => void;
}

/**
 * A Postgres, through the client that the user already has. `Tx` is that client's own transaction handle.
 *
 * A transaction whose COMMIT got no answer rejects with `unknown_outcome`; nothing here runs a transaction twice.
 */
export interface Database<Tx> {
  /** The schema of Holdfast's tables, quoted. */
  readonly schema: string;
  /**
   * Runs `work` in a transaction of its own; commits when it resolves, rolls back when it rejects or `signal` aborts.
   * `opened`: what the `opening` gave back.
   */
  transaction<T>(work: (tx: Tx, opened: readonly Row[]) => Promise<T>, options?: OpeningOptions): Promise<T>;
  /** One statement in `tx`, or several without values. Its columns must be text. */
  query(tx: Tx, text: string, values: readonly string[]): Promise<readonly Row[]>;
  /**
   * One statement on any connection, in a transaction of its own. Its columns must be text. Ends: without an answer it
   * rejects with `database_timeout`, and whether it happened is not known.
   */
  execute(text: string, values: readonly string[], options?: TransactionOptions): Promise<readonly Row[]>;
  /** Absent where the client cannot listen; waking up then costs a poll. */
  readonly listen?: Listen | undefined;
}
