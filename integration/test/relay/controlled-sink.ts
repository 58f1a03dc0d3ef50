import type { RelayRow, RelaySink, SendOutcome } from '@holdfast/relay';

/** A sink that does what a test says, and remembers what it was given. */
export interface ControlledSink extends RelaySink {
  /** Ids in the order in which they were handed over, copies included. */
  readonly ids: readonly string[];
  /** The sizes of the hand-overs. */
  readonly batches: readonly number[];
  /** What happens to a row from now on. */
  answer: (row: RelayRow) => Promise<SendOutcome> | SendOutcome;
}

export const ok: SendOutcome = { outcome: 'ok' };

export const controlledSink = ({ failsSuffix = false } = {}): ControlledSink => {
  const ids: string[] = [];
  const batches: number[] = [];
  const sink: ControlledSink = {
    ...{ failsSuffix, ids, batches },
    answer: () => ok,
    send: (rows) => {
      ids.push(...rows.map(({ id }) => id));
      batches.push(rows.length);
      return Promise.all(rows.map((row) => sink.answer(row)));
    },
  };
  return sink;
};
