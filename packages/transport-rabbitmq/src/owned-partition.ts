import type { Assignment } from '@holdfast/core';
import { type Announcer, settledOrAborted } from '@holdfast/flow';
import { beginConsumption, type Consumption, type ConsumptionOptions } from './consumption.ts';

export interface OwnedPartitionOptions extends Omit<ConsumptionOptions, 'onEnd'> {
  readonly announcer: Announcer;
  /** There may be room, or an assignment more. */
  readonly onChange: () => void;
  readonly onLost: OnLost;
}

/** A partition has ended without being asked to. `active`: it had been consumed. */
export type OnLost = (reason: unknown, active: boolean) => void;

/** A partition while this subscription owns it. */
export interface OwnedPartition extends Pick<Consumption, 'unsettled' | 'delivered' | 'isTold'> {
  readonly assignment: Assignment;
  /** `taking`: not consumed yet. `leaving`: drains. */
  readonly phase: 'taking' | 'active' | 'leaving' | 'gone';
  /** Takes in one message of those that wait here, if there is room. Says whether it did. */
  takeIn(): boolean;
  /** Before it ends: of somebody else's queue, all that came is settled first, until the signal aborts. */
  workOff(signal: AbortSignal): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts; then the partition may go to another owner. */
  release(signal: AbortSignal): Promise<void>;
  /** As `release`, when the intake has drained already. */
  finish(signal: AbortSignal): Promise<void>;
  /** Ends at once and settles nothing more. */
  lose(reason: unknown): void;
}

/** Takes up a partition whose lock is held. */
export const ownPartition = (options: OwnedPartitionOptions): OwnedPartition => {
  const { lifeline, assignment, announcer, onChange, onLost } = options;
  const over = new AbortController();
  let phase: OwnedPartition['phase'] = 'taking';
  let consumption: Consumption | undefined;

  const take = async (): Promise<void> => {
    if (!(await announcer.assigned(assignment, over.signal))) return;
    consumption = await beginConsumption({ ...options, onEnd: lose }, over.signal);
    if (phase === 'taking') phase = 'active';
    onChange();
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
    if (lifeline === undefined && phase === 'active') await consumption?.workOff(signal);
  };

  const finish = async (signal: AbortSignal): Promise<void> => {
    if (phase === 'gone') return;
    phase = 'leaving';
    over.abort();
    await announcer.revoked(assignment, signal);
    await settledOrAborted(taking, signal);
    await consumption?.end(signal);
    phase = 'gone';
  };

  const taking = take().catch(lose);
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
    workOff,
    lose,
    finish,
    release: async (signal) => {
      await workOff(signal);
      if (phase === 'gone' || phase === 'leaving') return;
      phase = 'leaving';
      over.abort();
      await settledOrAborted(taking, signal);
      await consumption?.revoke(signal);
      await finish(signal);
    },
  };
};
