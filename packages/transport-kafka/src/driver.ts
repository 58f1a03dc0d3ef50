/**
 * What the adapter needs of a Kafka client library: the protocol's requests, each sent to the broker that answers it.
 * Group membership, idempotence, partitioning, flow control and retries are ours, the same over every library.
 */
export interface KafkaDriver {
  /** A set of connections of its own. Connects when it is first used. */
  link(): KafkaLink;
  /** The protocol's name of what a broker answered with, such as `REBALANCE_IN_PROGRESS`; undefined when none answered. */
  codeOf(error: unknown): string | undefined;
}

/**
 * Every request rejects with {@link BrokerUnreachableError} when it was not sent for want of a connection, and with
 * {@link NoLeaderError} when it was not for want of a leader.
 */
export interface KafkaLink {
  readonly topics: TopicRequests;
  readonly groups: GroupRequests;
  readonly records: RecordRequests;
  /** Drops the connections at once: what is under way fails, and the next request connects again. */
  reset(): void;
  /** Idempotent. */
  close(): void;
}

export interface TopicRequests {
  /** The leader of each partition, of those topics that exist; -1 where there is none at the moment. */
  leaders(topics: readonly string[]): Promise<ReadonlyMap<string, readonly number[]>>;
  names(): Promise<readonly string[]>;
  /** One that exists already is no error, whatever it is like. */
  create(topic: NewTopic): Promise<void>;
  /** The bounds of each partition. Rejects when one of them has no leader. */
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  /** Those of one, however the others are. */
  endsOf(topic: string, partition: number): Promise<PartitionEnds>;
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Undefined: the broker's default. */
  readonly replicationFactor: number | undefined;
}

export interface PartitionEnds {
  /** The oldest offset that is kept. */
  readonly first: bigint;
  /** The offset that the next message gets. */
  readonly next: bigint;
}

/** A partition of a topic. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export interface PlaceOffset extends Place {
  readonly offset: bigint;
}

/** As whom a group knows somebody. */
export interface Membership {
  readonly group: string;
  /** Empty: nobody. */
  readonly memberId: string;
  /** -1: nobody. */
  readonly generation: number;
}

export interface GroupRequests {
  readonly membership: MembershipRequests;
  /** The offset that each group member would go on from; undefined where there is none. */
  committed(group: string, places: readonly Place[]): Promise<readonly (bigint | undefined)[]>;
  /** As nobody: refused while the group has members. */
  commit(as: Membership, offsets: readonly PlaceOffset[]): Promise<void>;
  names(): Promise<readonly string[]>;
  /** How many members the group has. */
  size(group: string): Promise<number>;
}

export interface MembershipRequests {
  join(request: JoinRequest): Promise<Joined>;
  /** Resolves with the member's own assignment. */
  sync(as: Membership, assignments: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array>;
  heartbeat(as: Membership): Promise<void>;
  leave(as: Membership): Promise<void>;
}

export interface JoinRequest {
  readonly group: string;
  readonly memberId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** What we can share out by, best first, each with what we say of ourselves. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
}

export interface Joined {
  readonly memberId: string;
  readonly generation: number;
  readonly protocol: string;
  /** Everybody, if we are the one who shares out; empty otherwise. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[];
}

export interface RecordRequests {
  producerId(): Promise<ProducerId>;
  /**
   * Resolves with why each batch was not stored, in the order of the batches; undefined where all replicas in sync have it. When
   * it rejects, any of them may have been stored.
   */
  produce(request: ProduceRequest): Promise<readonly unknown[]>;
  /**
   * Waits for something new for `waitMs` at most. Which partitions fill the answer changes from one to the next, whatever the
   * order of the request.
   */
  fetch(request: FetchRequest): Promise<readonly Fetched[]>;
}

export interface ProducerId {
  readonly id: unknown;
  readonly epoch: number;
}

export interface ProduceRequest {
  readonly leader: number;
  readonly producer: ProducerId;
  readonly timeoutMs: number;
  readonly batches: readonly ProduceBatch[];
}

export interface ProduceBatch extends Place {
  /** Numbers the producer's records in the partition: a batch that was stored is not stored again. */
  readonly sequence: number;
  readonly records: readonly NewRecord[];
}

export interface NewRecord {
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export interface FetchRequest {
  readonly leader: number;
  readonly waitMs: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly from: readonly PlaceOffset[];
}

export interface Fetched extends Place {
  readonly records: readonly KafkaRecord[];
  /** Where to go on: past the last record, and past what is not for readers or was compacted away. */
  readonly next: bigint;
  /** What the records take in memory. */
  readonly bytes: number;
  /** Why there is nothing of this partition; undefined where it was read. */
  readonly error: unknown;
}

/** A record as its topic has it. */
export interface KafkaRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Milliseconds since the epoch. */
  readonly timestamp: string;
  /** By name; a list where a name stands several times. */
  readonly headers: Readonly<Record<string, unknown>>;
}
