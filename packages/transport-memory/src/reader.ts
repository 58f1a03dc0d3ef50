import type { Intake, IntakePartition } from '@holdfast/flow';
import type { Claim } from './claims.ts';

/** Moves the messages of one claimed partition into the intake, from where the group stands. */
export interface Reader {
  readonly claim: Claim;
  readonly taken: IntakePartition;
  /** Takes the next message in; false when there is none, or no room for one of this partition. */
  readOne(): boolean;
}

export interface ReaderOptions {
  readonly claim: Claim;
  readonly group: string;
  readonly intake: Intake;
  /** Called when a settlement may have made more readable. */
  readonly onMoved: () => void;
}

export const createReader = ({ claim, group, intake, onMoved }: ReaderOptions): Reader => {
  const { topic, partition, token } = claim;
  const { log } = partition;
  let next = partition.positions.get(group) ?? log.next;
  const taken = intake.assign({ topic, partition: partition.number, token }, (position) => {
    partition.advance(group, Number(position) + 1);
    onMoved();
  });
  return {
    claim,
    taken,
    readOne: () => {
      next = Math.max(next, log.first);
      const message = taken.room() > 0 ? log.at(next) : undefined;
      if (message === undefined) return false;
      taken.push({ message, position: String(next) });
      next++;
      return true;
    },
  };
};
