import { partitionOf } from '@holdfast/flow';
import type { Appending } from './log.ts';
import type { Topic } from './topics.ts';
import type { WireMessage } from './wire.ts';

/** Consecutive messages of one publish call, which go into the log together. */
export interface Portion {
  readonly topic: Topic;
  readonly messages: readonly WireMessage[];
  /** Where it starts in its call. */
  readonly from: number;
  readonly bytes: number;
  /** The partitions that it touches, named. */
  readonly places: ReadonlyMap<string, Appending>;
}

/** What one statement takes. A larger one gains nothing and holds its partitions' locks for longer. */
const limits = { messages: 1_000, bytes: 4_194_304 };

/** Cuts a call into portions that one statement can take. */
export const cutPortions = (topic: Topic, messages: readonly WireMessage[]): readonly Portion[] => {
  const portions: Portion[] = [];
  for (let from = 0, to = 0; from < messages.length; from = to) {
    let bytes = 0;
    for (; to < messages.length; to++) {
      const size = messages[to]?.body.length ?? 0;
      if (to > from && (to - from >= limits.messages || bytes + size > limits.bytes)) break;
      bytes += size;
    }
    const part = from === 0 && to === messages.length ? messages : messages.slice(from, to);
    portions.push({ topic, messages: part, from, bytes, places: shareOut(topic, part) });
  }
  return portions;
};

/** Joins consecutive portions, in order, as far as one statement can take them. */
export const joinPortions = <P extends Pick<Portion, 'messages' | 'bytes'>>(portions: readonly P[]): readonly P[][] => {
  const statements: P[][] = [];
  let count = 0;
  let bytes = 0;
  for (const portion of portions) {
    count += portion.messages.length;
    bytes += portion.bytes;
    const open = statements.at(-1);
    if (open === undefined || count > limits.messages || bytes > limits.bytes) {
      statements.push([portion]);
      count = portion.messages.length;
      bytes = portion.bytes;
    } else {
      open.push(portion);
    }
  }
  return statements;
};

/** What goes where, for a statement: each partition once, the messages of each in the order of the portions. */
export const mergePlaces = (portions: readonly Pick<Portion, 'places'>[]): readonly Appending[] => {
  const [only] = portions;
  if (portions.length === 1 && only !== undefined) return [...only.places.values()];
  const merged = new Map<string, Appending & { readonly messages: WireMessage[] }>();
  for (const { places } of portions) {
    for (const [place, { messages, ...partition }] of places) {
      const known = merged.get(place);
      if (known === undefined) merged.set(place, { ...partition, messages: [...messages] });
      else known.messages.push(...messages);
    }
  }
  return [...merged.values()];
};

const shareOut = (topic: Topic, messages: readonly WireMessage[]): ReadonlyMap<string, Appending> => {
  const shares: (WireMessage[] | undefined)[] = [];
  for (const message of messages) {
    const partition = partitionOf(message.key ?? message.id, topic.partitions);
    const share = shares[partition];
    if (share === undefined) shares[partition] = [message];
    else share.push(message);
  }
  const places = new Map<string, Appending>();
  shares.forEach((share, partition) => {
    if (share !== undefined) places.set(`${topic.id}/${partition}`, { topicId: topic.id, partition, messages: share });
  });
  return places;
};
