/** What an answer says of one partition. */
export interface PartitionAnswer {
  readonly partition: number;
  readonly errorCode: number;
  /** What the code stands for; undefined where it stands for no error. */
  readonly error?: unknown;
}

/** What was fetched of one partition, as its bytes say. */
export interface FetchedData extends PartitionAnswer {
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: readonly FetchedMessage[];
  /** Past the last batch, also where its last records were compacted away; undefined where nothing came. */
  readonly end?: bigint | undefined;
  /** What the messages share in memory; undefined where each has its own. */
  readonly bytes?: number | undefined;
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly isControlRecord?: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}
