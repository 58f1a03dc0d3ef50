/** Where a group starts that the broker does not know yet. A committed position always wins. */
export type StartPosition = 'earliest' | 'latest';

/** What should exist. */
export interface TopologyRequest {
  readonly topics: Readonly<Record<string, TopicRequest>>;
}

export interface TopicRequest {
  /** Default: the transport's own default. Refused where the topic exists with another number. */
  readonly partitions?: number | undefined;
  /** Groups that must exist before the first message is published, and where they start. */
  readonly groups?: Readonly<Record<string, StartPosition>> | undefined;
}

/** One thing that {@link Topology.apply} would do. */
export type TopologyChange =
  | { readonly change: 'create-topic'; readonly topic: string; readonly partitions: number }
  | { readonly change: 'create-group'; readonly topic: string; readonly group: string; readonly from: StartPosition };

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  readonly groups: readonly GroupDescription[];
  /** Where rejected messages go that no database keeps. Absent: nowhere. */
  readonly deadTopic?: string;
  /** Absent: the topic is ours. */
  readonly adopted?: AdoptedDescription;
}

/** What somebody else declared, and the topic stands for. */
export interface AdoptedDescription {
  /** In the broker's words: `queue 'billing.orders'`. */
  readonly what: string;
  /** Whether `ordering: 'key'` can be kept by several processes. */
  readonly keyOrder: boolean;
  /** What is otherwise than of a topic of ours, or not known, for people: lines of {@link explain} by what they are about. */
  readonly notes?: Readonly<Record<string, string>>;
}

export interface GroupDescription {
  readonly group: string;
  /** Messages of the topic that the group has not settled. */
  readonly lag: number;
}

/** Where to move a group. */
export type SeekTarget = StartPosition | { readonly positions: Readonly<Record<number, string>> };

/** The topics and groups of a broker. */
export interface Topology {
  /** What `apply` would do. Changes nothing; throws where `apply` would. */
  plan(request: TopologyRequest): Promise<readonly TopologyChange[]>;
  /** Makes what is missing; changes and deletes nothing. Safe from many processes at once. */
  apply(request: TopologyRequest): Promise<void>;
  /** Throws `unknown_topic`. */
  describe(topic: string): Promise<TopicDescription>;
  /** Moves a group that has no running subscription; refused otherwise. */
  seek(topic: string, group: string, to: SeekTarget): Promise<void>;
}
