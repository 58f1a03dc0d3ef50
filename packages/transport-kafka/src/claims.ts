import type { Assignment, Runtime } from '@holdfast/core';
import { type Announcer, type Intake, type PositionKeeper, settledOrAborted, within } from '@holdfast/flow';
import { createAhead } from './ahead.ts';
import type { Place } from './driver.ts';
import { type OwnedPartition, placeOf, settledAt } from './owned-partition.ts';
import type { Topic } from './topics.ts';

export interface ClaimsOptions {
  readonly topics: readonly Topic[];
  readonly group: string;
  readonly intake: Pick<Intake, 'assign'>;
  readonly keeper: PositionKeeper<OwnedPartition>;
  readonly announcer: Announcer;
  /** Where the group goes on in a partition. Tried again until it works; rejects when the signal aborts. */
  readonly positionOf: (topic: Topic, partition: number, signal: AbortSignal) => Promise<bigint>;
  readonly drainMs: number;
  readonly runtime: Runtime;
  /** What is owned, or how far it is, has changed. */
  readonly onChange: () => void;
  /** Partitions were let go, which somebody else may have now. */
  readonly onLetGo: () => void;
  /** Aborts when the subscription closes: what the group gives it from then on is not taken up. */
  readonly closing: AbortSignal;
  /** Resolves when the intake has closed, and nothing is waited for any more. */
  readonly drained: Promise<void>;
}

/** What a subscription owns, through the rebalances of its group. */
export interface Claims {
  readonly owned: readonly OwnedPartition[];
  /** By their names on the broker, as the group is told. */
  readonly held: readonly Place[];
  readonly leaving: readonly Place[];
  find(assignment: Assignment): OwnedPartition | undefined;
  /** The group's answer: what is new starts, what is no longer there is drained and then let go. */
  reconcile(given: readonly Place[], generation: number): void;
  /** Drains everything, as far as the signal allows; nothing is owned afterwards. */
  drainAll(signal: AbortSignal): Promise<void>;
  /** Everything, or everything of a topic, is lost at once: others may have it already. */
  loseAll(why: unknown, topic?: string): void;
}

export const createClaims = (options: ClaimsOptions): Claims => {
  const {
    topics,
    group,
    intake,
    keeper,
    announcer,
    positionOf,
    drainMs,
    runtime,
    onChange,
    onLetGo,
    closing,
    drained,
  } = options;
  const { clock, log } = runtime;
  let owned: readonly OwnedPartition[] = [];
  /** The same by name of the topic and partition: each delivery is looked up. */
  const places = new Map<string, Map<number, OwnedPartition>>(topics.map(({ name }) => [name, new Map()]));

  const forget = (claim: OwnedPartition): void => {
    claim.phase = 'over';
    claim.ended.abort();
    claim.ahead.clear();
    owned = owned.filter((one) => one !== claim);
    const ofTopic = places.get(claim.topic.name);
    if (ofTopic?.get(claim.partition) === claim) ofTopic.delete(claim.partition);
    onChange();
  };

  const begin = (topic: Topic, partition: number, generation: number): void => {
    const claim: OwnedPartition = {
      ...{ topic, partition, phase: 'starting', taken: undefined, ahead: createAhead() },
      assignment: { topic: topic.name, partition, token: String(generation) },
      ended: new AbortController(),
      next: 0n,
      settledTo: 0n,
      storedTo: 0n,
      tail: { after: '', next: 0n },
    };
    owned = [...owned, claim];
    places.get(topic.name)?.set(partition, claim);
    void start(claim);
  };

  const start = async (claim: OwnedPartition): Promise<void> => {
    const { signal } = claim.ended;
    const position = await positionOf(claim.topic, claim.partition, signal).catch(() => undefined);
    if (position === undefined || signal.aborted) return;
    if (!(await announcer.assigned(claim.assignment, signal)) || claim.phase !== 'starting') return;
    claim.next = position;
    claim.settledTo = position;
    claim.storedTo = position;
    claim.taken = intake.assign(claim.assignment, (settled) => {
      claim.settledTo = settledAt(claim, settled);
      keeper.mark(claim);
    });
    claim.phase = 'active';
    onChange();
  };

  /** Lets what runs end and settle until the signal aborts, and stores it; then it is no longer ours. */
  const letGo = async (claim: OwnedPartition, signal: AbortSignal): Promise<void> => {
    claim.phase = 'leaving';
    claim.ended.abort();
    claim.ahead.clear();
    if (claim.taken !== undefined) await Promise.race([claim.taken.revoke(signal), drained]);
    await announcer.revoked(claim.assignment, signal);
    // It may have been lost meanwhile.
    if (!owned.includes(claim)) return;
    if (claim.taken !== undefined)
      await within(clock, flushMs, (limit) => settledOrAborted(keeper.flush(claim), limit));
    if (owned.includes(claim)) forget(claim);
  };

  const release = (claim: OwnedPartition): void => {
    const released = within(clock, drainMs, (limit) => letGo(claim, limit));
    released.then(onLetGo, (error) => {
      log.error({ ...claim.assignment, group, error }, 'a partition could not be drained in order');
      forget(claim);
      onLetGo();
    });
  };

  return {
    get owned() {
      return owned;
    },
    get held() {
      return owned.map(placeOf);
    },
    get leaving() {
      return owned.filter(({ phase }) => phase === 'leaving').map(placeOf);
    },
    find: ({ topic, partition, token }) => {
      const claim = places.get(topic)?.get(partition);
      return claim?.assignment.token === token ? claim : undefined;
    },
    reconcile: (given, generation) => {
      for (const claim of owned) {
        const kept = given.some((place) => isPlaceOf(claim, place));
        if (!kept && claim.phase !== 'leaving') release(claim);
      }
      for (const place of given) {
        const topic = topics.find(({ wireName }) => wireName === place.topic);
        const held = owned.some((claim) => isPlaceOf(claim, place));
        if (topic !== undefined && !held && !closing.aborted) begin(topic, place.partition, generation);
      }
      onChange();
    },
    drainAll: async (signal) => {
      await Promise.all(owned.filter(({ phase }) => phase !== 'leaving').map((claim) => letGo(claim, signal)));
      await Promise.all(owned.map((claim) => claim.taken?.revoke(signal)));
      for (const claim of owned) forget(claim);
    },
    loseAll: (why, topic) => {
      for (const claim of owned) {
        if (topic !== undefined && claim.topic.name !== topic) continue;
        claim.taken?.abandon();
        forget(claim);
        void announcer.revoked(claim.assignment, AbortSignal.abort(why));
      }
    },
  };
};

/** Of what a group that has no coordinator may take of a close. */
const flushMs = 2_000;

const isPlaceOf = ({ topic, partition }: OwnedPartition, place: Place): boolean =>
  topic.wireName === place.topic && partition === place.partition;
