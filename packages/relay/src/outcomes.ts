import type { Log } from '@holdfast/core';
import { errorText } from './error-text.ts';
import type { HeldRow, Lane } from './held-row.ts';
import { type JudgeOptions, judge } from './judge.ts';
import type { SendOutcome } from './relay-sink.ts';
import type { Batch, RowLanes } from './row-lanes.ts';
import type { Suspicion } from './suspicion.ts';

export interface OutcomesOptions extends JudgeOptions {
  readonly lanes: RowLanes;
  readonly failsSuffix: boolean;
  readonly suspicion: Suspicion;
  readonly log: Log;
}

/** What is done with rows and lanes besides. */
export interface OutcomeActions {
  settle(row: HeldRow): void;
  wait(lane: Lane, delayMs: number): void;
}

type Failure = Exclude<SendOutcome, { outcome: 'ok' }>;

/** Draws the consequences of a hand-over: what was confirmed is settled, what was not waits in its lane or is parked. */
export const createOutcomes = (
  options: OutcomesOptions,
): { apply(batch: Batch, outcomes: readonly SendOutcome[], actions: OutcomeActions): void } => {
  const { lanes, failsSuffix, suspicion, log } = options;

  /** Settles what was confirmed; gives back the first row of each lane that was not. */
  const sort = (
    batch: Batch,
    outcomes: readonly SendOutcome[],
    settle: (row: HeldRow) => void,
  ): ReadonlyMap<Lane, { readonly row: HeldRow; readonly failure: Failure }> => {
    const failed = new Map<Lane, { readonly row: HeldRow; readonly failure: Failure }>();
    let confirmed = false;
    for (const [index, row] of batch.rows.entries()) {
      const outcome = outcomes[index];
      const { lane } = row;
      if (outcome === undefined || lane === undefined) continue;
      suspicion.cleared(row);
      if (outcome.outcome === 'ok') {
        confirmed = true;
        lanes.remove(row);
        settle(row);
      } else if (!failed.has(lane)) {
        failed.set(lane, { row, failure: outcome });
      }
    }
    if (confirmed) batch.topic.health.succeeded();
    return failed;
  };

  return {
    apply: (batch, outcomes, { settle, wait }) => {
      const { health } = batch.topic;
      const since = health.now();
      const failed = sort(batch, outcomes, settle);
      let first = true;
      for (const [lane, { row, failure }] of failed) {
        const before = row.trouble;
        if (failure.outcome === 'later' && !failure.spent) row.attempt--;
        const collateral = failsSuffix && !first;
        const othersPass = !collateral && health.hasSucceededSince(before?.at ?? since);
        const judgement = judge(failure, { before, othersPass, at: health.now() }, options);
        row.trouble = judgement.trouble;
        first = false;
        if (judgement.decision === 'park') {
          row.parking = judgement.reason;
          lanes.park(lane);
          log.warn(parkedFields(row), 'a row that could not be handed over is parked, with what follows of its key');
        } else {
          wait(lane, judgement.delayMs);
        }
      }
      for (const lane of batch.lanes) if (!failed.has(lane)) lanes.release(lane);
      if (failed.size > 0) logFailure(log, batch, failed.size, failed.values().next().value?.failure);
    },
  };
};

const parkedFields = (row: HeldRow): object => ({
  id: row.id,
  topic: row.topic,
  reason: row.parking,
  attempts: row.attempt,
});

const logFailure = (log: Log, { topic, rows }: Batch, failed: number, failure: Failure | undefined): void => {
  if (failure === undefined || failure.outcome === 'later') return;
  log.warn(
    { topic: topic.name, rows: rows.length, failed, outcome: failure.outcome, error: errorText(failure.error) },
    'rows could not be handed over; trying again',
  );
};
