import type { Runtime } from '@holdfast/core';
import type { Fetched, KafkaDriver, KafkaLink } from './driver.ts';
import { createInTime } from './in-time.ts';
import type { MissingTopics } from './missing-topics.ts';
import { goOnFrom, type OwnedPartition, placeOf, takeIn } from './owned-partition.ts';
import { createPatience } from './patience.ts';
import { createPump, type PumpOptions } from './pump.ts';
import type { Topics } from './topics.ts';
import { createTroubles } from './troubles.ts';

export interface FetcherOptions extends PumpOptions {
  readonly driver: KafkaDriver;
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly waitMs: number;
  readonly partitionBytes: number;
  readonly requestTimeoutMs: number;
  readonly group: string;
  readonly runtime: Runtime;
  /** More of a partition is settled, there being nothing in it to settle. */
  readonly onMoved: (claim: OwnedPartition) => void;
  /** Whether topics are missing. */
  readonly missing: MissingTopics;
}

/**
 * Fetches the owned partitions, each broker's on its own, and hands on what there is room for. A broker or a partition that
 * cannot be read does not hold up the others.
 */
export interface Fetcher {
  /** There may be something to fetch or to hand on. */
  wake(): void;
  stop(): void;
  /** Why something of what is owned cannot be fetched at the moment. */
  readonly failure: unknown;
}

/** What a broker is asked about: those of its partitions of which not enough is here. */
interface Wanted {
  readonly from: OwnedPartition[];
  isAll: boolean;
}

/** Of all partitions together; what a broker sends at once for them is at most this. */
const partitionsAtOnce = 10;
const partitionsAhead = 32;

export const createFetcher = (options: FetcherOptions): Fetcher => {
  const { driver, link, topics, missing, owned, waitMs, partitionBytes, requestTimeoutMs, group, runtime } = options;
  const { clock, log, meter } = runtime;
  const inTime = createInTime(link, clock);
  const pump = createPump(options);
  const patience = createPatience(waitMs);
  const mostBytes = partitionsAhead * partitionBytes;
  const answerBytes = Math.ceil(partitionBytes / 2);
  const busy = new Set<number>();
  const leaders = createTroubles<number>(clock);
  const partitions = createTroubles<OwnedPartition>(clock);
  const turns = new Map<number, number>();
  let stopped = false;
  let saidAhead = 0;

  const leaderOf = ({ topic, partition }: OwnedPartition): number =>
    topics.known(topic.name)?.leaders[partition] ?? topic.leaders[partition] ?? -1;

  const wake = (): void => {
    if (stopped) return;
    pump();
    const claims = owned();
    const bytes = measureAhead(claims);
    if (bytes > mostBytes) return;
    // One that stands still with all it may have must not take the room of one that has nothing.
    const answersEach = bytes > mostBytes / 2 ? 1 : 2;
    const wanted = new Map<number, Wanted>();
    for (const claim of claims) {
      if (claim.phase !== 'active' || missing.has(claim.topic.name)) continue;
      const leader = leaderOf(claim);
      if (busy.has(leader)) continue;
      const asked = wanted.get(leader) ?? { from: [], isAll: true };
      wanted.set(leader, asked);
      if (claim.ahead.answers >= answersEach) asked.isAll = false;
      else if (!partitions.isResting(claim)) asked.from.push(claim);
    }
    for (const [leader, { from, isAll }] of wanted) {
      if (from.length > 0) void fetchFrom(leader, inTurn(leader, from), patience.waitMs(leader, isAll));
    }
  };

  /** A batch above the limit comes only for the first partition of a request, so each is the first in its turn. */
  const inTurn = (leader: number, from: readonly OwnedPartition[]): readonly OwnedPartition[] => {
    const turn = (turns.get(leader) ?? 0) % from.length;
    turns.set(leader, turn + 1);
    return [...from.slice(turn), ...from.slice(0, turn)];
  };

  const measureAhead = (claims: readonly OwnedPartition[]): number => {
    let bytes = 0;
    for (const { ahead } of claims) bytes += ahead.bytes;
    if (bytes !== saidAhead) meter.gauge('holdfast.kafka.read_ahead_bytes', bytes, { group });
    saidAhead = bytes;
    return bytes;
  };

  const fetchFrom = async (leader: number, claims: readonly OwnedPartition[], holdMs: number): Promise<void> => {
    busy.add(leader);
    const from = claims.map((claim) => ({ ...placeOf(claim), offset: claim.next }));
    try {
      const fetched = await inTime('read messages', requestTimeoutMs + holdMs, () =>
        link.records.fetch({
          ...{ leader, waitMs: holdMs, from },
          maxBytes: partitionsAtOnce * answerBytes,
          maxPartitionBytes: answerBytes,
        }),
      );
      leaders.over(leader);
      patience.answered(
        leader,
        fetched.some(({ records }) => records.length > 0),
      );
      const asked = new Map(claims.map((claim, at) => [nameOf(placeOf(claim)), { claim, offset: from[at]?.offset }]));
      for (const one of fetched) {
        const { claim, offset } = asked.get(nameOf(one)) ?? {};
        if (claim !== undefined && claim.phase === 'active' && claim.next === offset) accept(claim, one);
      }
    } catch (error) {
      if (stopped) return;
      log.debug({ group, leader, error }, 'fetching from a broker failed; trying again');
      const rested = leaders.failed(leader, error);
      await Promise.all([...new Set(claims.map(({ topic }) => topic.name))].map((name) => missing.check(name)));
      await rested;
    }
    busy.delete(leader);
    wake();
  };

  const accept = (claim: OwnedPartition, one: Fetched): void => {
    if (missing.has(claim.topic.name)) return;
    if (one.error !== undefined) {
      void recover(claim, one.error);
      return;
    }
    partitions.over(claim);
    if (takeIn(claim, one)) options.onMoved(claim);
  };

  const recover = async (claim: OwnedPartition, error: unknown): Promise<void> => {
    const rested = partitions.failed(claim, error);
    if (driver.codeOf(error) === 'OFFSET_OUT_OF_RANGE') {
      await backIntoRange(claim).catch(() => {});
    } else {
      log.debug({ ...claim.assignment, group, error }, 'fetching a partition failed; trying again');
      const isUnknown = driver.codeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
      await missing.check(claim.topic.name, isUnknown ? 'unknown' : undefined);
    }
    await rested;
    if (claim.phase !== 'active') partitions.over(claim);
    wake();
  };

  /** Retention has dropped what the group had not read, or the topic was made anew. */
  const backIntoRange = async (claim: OwnedPartition): Promise<void> => {
    const { first, next } = await link.topics.endsOf(claim.topic.wireName, claim.partition);
    if (claim.phase !== 'active' || (claim.next >= first && claim.next <= next)) return;
    const missed = claim.next < first ? Number(first - claim.next) : 0;
    if (claim.next > next) meter.count('holdfast.kafka.positions_lost', 1, { topic: claim.topic.name, group });
    log.error(
      { ...claim.assignment, group, position: String(claim.next), first: String(first), next: String(next), missed },
      'the position of a group is not in its partition any more: it goes on from the oldest message there is',
    );
    meter.count('holdfast.kafka.dropped_unsettled', missed, { topic: claim.topic.name, group });
    if (goOnFrom(claim, first)) options.onMoved(claim);
  };

  return {
    wake,
    stop: () => {
      stopped = true;
      measureAhead([]);
    },
    get failure() {
      for (const claim of owned()) {
        const failure = partitions.why(claim) ?? leaders.why(leaderOf(claim));
        if (failure !== undefined) return failure;
      }
      return undefined;
    },
  };
};

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${partition}`;
