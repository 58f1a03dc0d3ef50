import { type Runtime, UnknownTopicError } from '@holdfast/core';
import { type Intake, settledOrAborted, within } from '@holdfast/flow';
import type { Fetched, KafkaDriver, KafkaLink } from './driver.ts';
import { NoAnswerError } from './errors.ts';
import { type OwnedPartition, placeOf } from './owned-partition.ts';
import { createPump } from './pump.ts';
import type { Topics } from './topics.ts';
import type { ReadRaw } from './wire.ts';

export interface FetcherOptions {
  readonly driver: KafkaDriver;
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly intake: Pick<Intake, 'room'>;
  readonly owned: () => readonly OwnedPartition[];
  readonly maxInFlight: number;
  readonly waitMs: number;
  readonly partitionBytes: number;
  readonly requestTimeoutMs: number;
  readonly group: string;
  readonly runtime: Runtime;
  readonly readOf: (topic: string) => ReadRaw | undefined;
  /** A topic is no longer there. */
  readonly onGone: (error: unknown) => void;
}

/** Fetches the owned partitions, each broker's on its own, and hands on what there is room for. */
export interface Fetcher {
  /** There may be something to fetch or to hand on. */
  wake(): void;
  stop(): void;
  /** Why it cannot fetch at the moment. */
  readonly failure: unknown;
}

/** Of all partitions together; what a broker sends at once for them is at most this. */
const partitionsAtOnce = 10;
const partitionsAhead = 32;
const backoff = { firstMs: 50, longestMs: 2_000 };
/** A topic that was made a moment ago, or whose broker has just started, is unknown to some. */
const goneAfterMs = 3_000;

export const createFetcher = (options: FetcherOptions): Fetcher => {
  const { driver, link, topics, owned, waitMs, partitionBytes, requestTimeoutMs, group, runtime, onGone } = options;
  const { clock, log, meter } = runtime;
  const pump = createPump(options);
  const busy = new Set<number>();
  let stopped = false;
  let failure: unknown;
  let failedMs = backoff.firstMs;
  let goneSince: number | undefined;

  const leaderOf = ({ topic, partition }: OwnedPartition): number =>
    topics.known(topic.name)?.leaders[partition] ?? topic.leaders[partition] ?? -1;

  const wake = (): void => {
    if (stopped) return;
    pump();
    const claims = owned();
    let aheadBytes = 0;
    for (const claim of claims) aheadBytes += claim.aheadBytes;
    if (aheadBytes > partitionsAhead * partitionBytes) return;
    const wanted = new Map<number, OwnedPartition[]>();
    for (const claim of claims) {
      if (claim.phase !== 'active' || claim.ahead.length > 0) continue;
      const leader = leaderOf(claim);
      if (busy.has(leader)) continue;
      const others = wanted.get(leader);
      if (others === undefined) wanted.set(leader, [claim]);
      else others.push(claim);
    }
    for (const [leader, from] of wanted) void fetchFrom(leader, from);
  };

  const fetchFrom = async (leader: number, claims: readonly OwnedPartition[]): Promise<void> => {
    busy.add(leader);
    const from = claims.map((claim) => ({ ...placeOf(claim), offset: claim.next }));
    try {
      const fetched = await inTime(() =>
        link.records.fetch({
          ...{ leader, waitMs, from },
          maxBytes: partitionsAtOnce * partitionBytes,
          maxPartitionBytes: partitionBytes,
        }),
      );
      failure = undefined;
      goneSince = undefined;
      failedMs = backoff.firstMs;
      for (const one of fetched) {
        const at = claims.findIndex(
          ({ topic, partition }) => topic.wireName === one.topic && partition === one.partition,
        );
        const claim = claims[at];
        if (claim !== undefined && claim.phase === 'active' && claim.next === from[at]?.offset) takeIn(claim, one);
      }
      busy.delete(leader);
      wake();
    } catch (error) {
      if (stopped) return;
      await recover(claims, error);
      busy.delete(leader);
      wake();
    }
  };

  const inTime = async (fetch: () => Promise<readonly Fetched[]>): Promise<readonly Fetched[]> => {
    const answer = fetch();
    let late = false;
    await within(clock, requestTimeoutMs + waitMs, async (limit) => {
      await settledOrAborted(answer, limit);
      late = limit.aborted;
    });
    if (!late) return answer;
    answer.catch(() => {});
    link.reset();
    throw new NoAnswerError('read messages', requestTimeoutMs + waitMs);
  };

  const takeIn = (claim: OwnedPartition, { records, next }: Fetched): void => {
    claim.more = records.length > 0;
    claim.next = next;
    for (const record of records) {
      claim.ahead.push(record);
      claim.aheadBytes += (record.value?.length ?? 0) + (record.key?.length ?? 0);
    }
    const last = records.at(-1);
    if (last !== undefined) {
      claim.tail.after = last.offset;
      claim.tail.next = next;
    }
  };

  const recover = async (claims: readonly OwnedPartition[], error: unknown): Promise<void> => {
    failure = error;
    if (driver.codeOf(error) === 'OFFSET_OUT_OF_RANGE') {
      await Promise.all(claims.map((claim) => backIntoRange(claim).catch(() => {})));
    } else {
      log.debug({ group, error }, 'fetching failed; trying again');
      await checkTopics(claims).catch(() => {});
    }
    await new Promise<void>((resolve) => {
      clock.after(failedMs, resolve);
    });
    failedMs = Math.min(failedMs * 2, backoff.longestMs);
  };

  /** Retention has dropped what the group had not read, or the topic was made anew. */
  const backIntoRange = async (claim: OwnedPartition): Promise<void> => {
    const topic = (await topics.refresh(claim.topic.name)) ?? claim.topic;
    const { first, next } = (await link.topics.ends(topic.wireName, topic.leaders))[claim.partition] ?? {
      first: 0n,
      next: 0n,
    };
    if (claim.phase !== 'active' || (claim.next >= first && claim.next <= next)) return;
    const missed = claim.next < first ? Number(first - claim.next) : 0;
    log.error(
      { ...claim.assignment, group, position: String(claim.next), first: String(first), next: String(next), missed },
      'the position of a group is not in its partition any more: it goes on from the oldest message there is',
    );
    meter.count('holdfast.kafka.dropped_unsettled', missed, { topic: claim.topic.name, group });
    claim.next = first;
  };

  /** Learns who leads now, and whether the topics are still there. */
  const checkTopics = async (claims: readonly OwnedPartition[]): Promise<void> => {
    for (const name of new Set(claims.map(({ topic }) => topic.name))) {
      if ((await topics.refresh(name)) !== undefined) continue;
      goneSince ??= clock.monotonic();
      if (clock.monotonic() - goneSince > goneAfterMs) onGone(new UnknownTopicError(name, []));
    }
  };

  return {
    wake,
    stop: () => {
      stopped = true;
    },
    get failure() {
      return failure;
    },
  };
};
