import type { Intake, IntakePartition } from '@holdfast/flow';
import type { Claim } from './claims.ts';

/** Moves the messages of one claimed partition into the intake, from where the group stands. */
export interface Reader {
  readonly claim: Claim;
  readonly taken: IntakePartition;
  /**
   * Takes the next message in; false when there is none, or when `span` messages have passed an unsettled one: no more
   * than that are delivered again after a crash. The caller knows that there is room.
   */
  readOne(): boolean;
}

export interface ReaderOptions {
  readonly claim: Claim;
  readonly group: string;
  readonly intake: Intake;
  readonly span: number;
  /** Called when a settlement may have made more readable. */
  readonly onMoved: () => void;
}

export const createReader = ({ claim, group, intake, span, onMoved }: ReaderOptions): Reader => {
  const { topic, partition, token } = claim;
  const { log } = partition;
  const settledUpTo = (): number => partition.positions.get(group) ?? log.next;
  let next = settledUpTo();
  const taken = intake.assign({ topic, partition: partition.number, token }, (position) => {
    partition.advance(group, Number(position) + 1);
    onMoved();
  });
  return {
    claim,
    taken,
    readOne: () => {
      next = Math.max(next, log.first);
      const message = next - settledUpTo() < span ? log.at(next) : undefined;
      if (message === undefined) return false;
      taken.push({ message, position: String(next) });
      next++;
      return true;
    },
  };
};
