import { type Clock, reach } from '@holdfast/core';
import type { Gate } from './gate.ts';
import type { HeldRow, Lane } from './held-row.ts';
import type { RelaySink, SendOutcome } from './relay-sink.ts';
import type { Batch, RowLanes } from './row-lanes.ts';

export interface SenderOptions {
  readonly lanes: RowLanes;
  readonly sink: RelaySink;
  readonly gate: Gate;
  readonly maxInFlight: number;
  readonly clock: Clock;
  /** The claim on the rows: nothing is handed over without it. */
  readonly claim: { readonly signal: AbortSignal; holds(): boolean };
  /** Runs a suspect with a record of it, so that a death can be put down to it. */
  readonly recordAlone: (row: HeldRow, run: () => Promise<void>) => Promise<void>;
  /** The claim does not hold: what was taken is not handed over, here, any more. */
  readonly onUnclaimed: () => void;
  readonly onOutcomes: (batch: Batch, outcomes: readonly SendOutcome[]) => void;
}

/** Hands rows over in a bounded window. */
export interface Sender {
  /** Hands over whatever may go now. */
  dispatch(): void;
  /** Goes on with a lane after a delay. */
  wait(lane: Lane, delayMs: number): void;
  readonly inFlight: number;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Starts nothing more. Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export const createSender = (options: SenderOptions): Sender => {
  const { lanes, sink, gate, maxInFlight, clock, claim, recordAlone, onUnclaimed, onOutcomes } = options;
  const timers = new Map<Lane, () => void>();
  let inFlight = 0;
  let stopped = false;
  let landed: PromiseWithResolvers<void> | undefined;

  const send = async (batch: Batch): Promise<void> => {
    if (stopped) return;
    if (!claim.holds()) return onUnclaimed();
    await reach('relay.beforeHandOver');
    for (const row of batch.rows) row.attempt++;
    onOutcomes(batch, await outcomesOf(sink, batch.rows, claim.signal));
  };
  const fly = async (batch: Batch): Promise<void> => {
    const [first] = batch.rows;
    if (batch.alone && first !== undefined) await gate.alone(() => recordAlone(first, () => send(batch)));
    else await gate.shared(() => send(batch));
    inFlight -= batch.rows.length;
    lanes.landed(batch);
    dispatch();
    if (inFlight > 0) return;
    landed?.resolve();
    landed = undefined;
  };
  const dispatch = (): void => {
    while (!stopped && inFlight < maxInFlight) {
      const batch = lanes.take(maxInFlight - inFlight);
      if (batch === undefined) return;
      inFlight += batch.rows.length;
      void fly(batch);
    }
  };
  const idle = async (): Promise<void> => {
    while (inFlight > 0) {
      landed ??= Promise.withResolvers();
      await landed.promise;
    }
  };
  return {
    dispatch,
    wait: (lane, delayMs) => {
      lanes.wait(lane);
      const cancel = clock.after(delayMs, () => {
        timers.delete(lane);
        lanes.release(lane);
        dispatch();
      });
      timers.set(lane, cancel);
    },
    get inFlight() {
      return inFlight;
    },
    idle,
    stop: async () => {
      stopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
      await idle();
    },
  };
};

const outcomesOf = async (
  sink: RelaySink,
  rows: readonly HeldRow[],
  signal: AbortSignal,
): Promise<readonly SendOutcome[]> => {
  try {
    const outcomes = await sink.send(rows, signal);
    if (outcomes.length === rows.length) return outcomes;
    const error = new RangeError(
      `the sink gave ${outcomes.length} outcomes for ${rows.length} rows; expected one per row`,
    );
    return rows.map(() => ({ outcome: 'unknown', error }));
  } catch (error) {
    return rows.map(() => ({ outcome: 'unknown', error }));
  }
};
