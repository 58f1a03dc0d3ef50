import type { Capabilities } from './capabilities.ts';
import type { GroupDescription, TopicDescription } from './topology.ts';
import type { Transport } from './transport.ts';

/**
 * What this transport promises for this topic, for people: some lines of plain English, made of its capabilities and of
 * what the broker says of the topic now. The wording may change. Throws `unknown_topic`.
 */
export const explain = async (
  { name, capabilities, topology }: Pick<Transport, 'name' | 'capabilities' | 'topology'>,
  topic: string,
): Promise<string> => {
  const described = await topology.describe(topic);
  const lines = {
    ...{ ...explainTopic(described), ...explainCapabilities(capabilities), ...explainAll },
    ...described.adopted?.notes,
  };
  const width = Math.max(...Object.keys(lines).map((what) => what.length));
  return [
    `topic '${topic}' on ${name}`,
    ...Object.entries(lines).map(([what, text]) => `  ${what.padEnd(width)}  ${text}`),
  ].join('\n');
};

/** What each capability means, in a few words each, by what it is about. */
export const explainCapabilities = (capabilities: Capabilities): Readonly<Record<string, string>> => {
  const { durable, failsSuffix, replay, seek, balances, maxHoldMs, maxBodyBytes } = capabilities;
  return {
    durability: durable ? 'what was published survives a crash of the broker' : 'a crash of the broker loses messages',
    publishing: failsSuffix ? 'several messages of a key in flight' : 'one message of a key in flight',
    'new groups': replay ? "start at 'earliest' or 'latest'" : "start at 'latest'",
    seek: seek ? 'a group can be moved' : 'a group cannot be moved',
    balance: balances ? 'partitions are spread over the processes of a group' : 'one process has all partitions',
    retries: `wait in process${upTo(maxHoldMs)}, other keys go on`,
    bodies: `up to ${maxBodyBytes.toLocaleString('en-US')} bytes`,
  };
};

const explainTopic = ({ partitions, groups, deadTopic, adopted }: TopicDescription): Record<string, string> => ({
  declared: adopted
    ? `by somebody else: ${adopted.what}; never declared, changed, trimmed or deleted by Holdfast`
    : 'by Holdfast',
  partitions: partitions === 1 ? '1' : `${partitions}; a key is in partition murmur2(key) % ${partitions}`,
  groups: groups.length === 0 ? 'none known' : groups.map(explainGroup).join(', '),
  order:
    adopted?.keyOrder === false
      ? "not kept: several consumers share it; subscribe with ordering: 'none'"
      : 'the messages of a key come one after another, each once the one before it is settled',
  'dead letters': deadTopic === undefined ? 'go nowhere without a database' : `go to '${deadTopic}' without a database`,
});

const explainGroup = ({ group, lag }: GroupDescription): string =>
  `'${group}' has ${lag.toLocaleString('en-US')} ${lag === 1 ? 'message' : 'messages'} to settle`;

/** The same on every transport. */
const explainAll = {
  delivery: 'at least once: a copy has the same id, and once() turns it away',
  delays: 'none when publishing; outbox.add takes delayMs',
};

const upTo = (ms: number): string => {
  if (ms === Number.MAX_SAFE_INTEGER) return ', however long';
  if (ms >= 3_600_000) return ` for up to ${ms / 3_600_000} h`;
  return ` for up to ${ms >= 60_000 ? `${ms / 60_000} min` : `${ms / 1_000} s`}`;
};
