import type { Assignment } from '@holdfast/core';
import { type Announcer, settledOrAborted, within } from '@holdfast/flow';
import { beginConsumption, type Consumption, type ConsumptionOptions } from './consumption.ts';

export interface OwnedPartitionOptions extends Omit<ConsumptionOptions, 'onEnd'> {
  readonly announcer: Announcer;
  /** The broker ends a channel on which a message is unacked for longer. */
  readonly consumerTimeoutMs: number;
  /** Whether messages may start: neither paused nor closing. */
  readonly mayStart: () => boolean;
  /** There may be room, or an assignment more. */
  readonly onChange: () => void;
  /** Messages were handed back in time, in place of being taken away. */
  readonly onHandedBack: (assignment: Assignment) => void;
  readonly onLost: OnLost;
}

/** A partition has ended without being asked to. `active`: it had been consumed. */
export type OnLost = (reason: unknown, active: boolean) => void;

/** A partition while this subscription owns it, also while it is paused for so long that its queue is not consumed. */
export interface OwnedPartition extends Pick<Consumption, 'unsettled' | 'delivered' | 'isTold'> {
  readonly assignment: Assignment;
  /** `taking`: not consumed yet. `leaving`: drains. */
  readonly phase: 'taking' | 'active' | 'leaving' | 'gone';
  /** Takes in one message of those that wait here, if there is room. Says whether it did. */
  takeIn(): boolean;
  /** Messages may start again. */
  resume(): void;
  /** Before it ends: of somebody else's queue, all that came is settled first, until the signal aborts. */
  workOff(signal: AbortSignal): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts; then the partition may go to another owner. */
  release(signal: AbortSignal): Promise<void>;
  /** As `release`, when the intake has drained already. */
  finish(signal: AbortSignal): Promise<void>;
  /** Ends at once and settles nothing more. */
  lose(reason: unknown): void;
}

/**
 * In parts of the consumer timeout. A retry may wait for half of it (`maxHoldMs`), so what still moves is handed back after
 * that; what is paused need not wait for so long.
 */
const parts = { look: 1 / 40, paused: 1 / 2, running: 4 / 5, drain: 1 / 10, grace: 1 / 20 };

/** Takes up a partition whose lock is held. */
export const ownPartition = (options: OwnedPartitionOptions): OwnedPartition => {
  const { lifeline, assignment, announcer, consumerTimeoutMs, mayStart, clock, onChange, onLost } = options;
  const over = new AbortController();
  let phase: OwnedPartition['phase'] = 'taking';
  let consumption: Consumption | undefined;
  let working: Promise<void> | undefined;
  let cancelLook = (): void => {};

  const take = async (): Promise<void> => {
    if (await announcer.assigned(assignment, over.signal)) await consume();
  };

  const consume = async (): Promise<void> => {
    consumption = await beginConsumption({ ...options, onEnd: lose }, over.signal);
    if (phase === 'taking') phase = 'active';
    onChange();
  };

  /** One thing at a time. */
  const work = (what: () => Promise<void>): void => {
    working = what()
      .catch(lose)
      .then(() => {
        working = undefined;
        resume();
      });
  };

  const resume = (): void => {
    if (working === undefined && phase === 'active' && consumption === undefined && mayStart()) work(consume);
  };

  const look = (): void => {
    cancelLook = clock.after(consumerTimeoutMs * parts.look, look);
    const heldMs = consumption?.unackedMs() ?? 0;
    const limitMs = consumerTimeoutMs * (mayStart() ? parts.running : parts.paused);
    if (working === undefined && phase === 'active' && heldMs >= limitMs) work(handBack);
  };

  /** The broker gives it all again, in its order, once the queue is consumed again. */
  const handBack = async (): Promise<void> => {
    const one = consumption;
    if (one === undefined) return;
    const drain = within(clock, consumerTimeoutMs * parts.drain, (limit) => one.revoke(limit));
    await within(clock, consumerTimeoutMs * (parts.drain + parts.grace), (limit) => settledOrAborted(drain, limit));
    if (consumption !== one || phase !== 'active') return;
    await one.end(over.signal);
    consumption = undefined;
    options.onHandedBack(assignment);
  };

  const lose = (reason: unknown): void => {
    if (phase === 'gone' || phase === 'leaving') return;
    const active = phase === 'active';
    phase = 'gone';
    over.abort();
    consumption?.abandon();
    void announcer.revoked(assignment, AbortSignal.abort(reason));
    onLost(reason, active);
  };

  /** A queue that others declared may have a limit of deliveries, and what is handed back has used up one of them. */
  const workOff = async (signal: AbortSignal): Promise<void> => {
    if (lifeline !== undefined || phase !== 'active' || working !== undefined || consumption === undefined) return;
    over.abort();
    await consumption.workOff(signal);
  };

  const finish = async (signal: AbortSignal): Promise<void> => {
    if (phase === 'gone') return;
    phase = 'leaving';
    over.abort();
    await announcer.revoked(assignment, signal);
    await still(signal);
    await consumption?.end(signal);
    phase = 'gone';
  };

  const still = async (signal: AbortSignal): Promise<void> => {
    if (working !== undefined) await settledOrAborted(working, signal);
  };

  over.signal.addEventListener('abort', () => cancelLook(), { once: true });
  look();
  work(take);
  return {
    assignment,
    get phase() {
      return phase;
    },
    get unsettled() {
      return consumption?.unsettled ?? 0;
    },
    get delivered() {
      return consumption?.delivered ?? 0;
    },
    get isTold() {
      return consumption?.isTold ?? true;
    },
    takeIn: () => consumption?.takeIn() ?? false,
    resume,
    workOff,
    lose,
    finish,
    release: async (signal) => {
      await workOff(signal);
      if (phase === 'gone' || phase === 'leaving') return;
      phase = 'leaving';
      over.abort();
      await still(signal);
      await consumption?.revoke(signal);
      await finish(signal);
    },
  };
};
