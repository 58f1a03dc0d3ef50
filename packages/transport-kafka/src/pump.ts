import type { Intake } from '@holdfast/flow';
import type { OwnedPartition } from './owned-partition.ts';
import { fromRecord, type ReadRaw } from './wire.ts';

export interface PumpOptions {
  readonly intake: Pick<Intake, 'room'>;
  readonly owned: () => readonly OwnedPartition[];
  readonly maxInFlight: number;
  readonly readOf: (topic: string) => ReadRaw | undefined;
}

/** Hands on what was fetched, as far as there is room. Partitions take turns, each with its share of the window. */
export const createPump = ({ intake, owned, maxInFlight, readOf }: PumpOptions): (() => void) => {
  let turn = 0;

  const handOn = (claim: OwnedPartition, most: number): void => {
    const { taken, topic, partition, ahead } = claim;
    if (taken === undefined) return;
    const read = readOf(topic.name);
    for (;;) {
      const places = Math.min(intake.room(), most - taken.inFlight, taken.room(), ahead.length);
      if (places <= 0) return;
      for (const record of ahead.take(places)) {
        taken.push({ message: fromRecord(record, topic.name, partition, read), position: record.offset });
      }
    }
  };

  return () => {
    const claims = owned().filter(({ phase, ahead }) => phase === 'active' && ahead.length > 0);
    if (claims.length === 0) return;
    // One that stands still does not stop the others.
    const most = Math.ceil(maxInFlight / Math.max(1, owned().length));
    turn++;
    for (let n = 0; n < claims.length && intake.room() > 0; n++) {
      const claim = claims[(turn + n) % claims.length];
      if (claim !== undefined) handOn(claim, most);
    }
  };
};
