import type { HeldRow } from './held-row.ts';

export interface SuspicionOptions {
  /** How many owners in a row have died. */
  readonly deaths: number;
  /** How often each row has killed a process while it ran alone, by number. */
  readonly deathsAlone: ReadonlyMap<string, number>;
  /** How many of the first rows the owner before may have started. */
  readonly memory: number;
  /** After so many deaths alone a row is parked, or handed over as what it is. */
  readonly suspectDeaths: number;
  readonly takesSuspects?: boolean | undefined;
  /** Every row that may have killed the owner before has run, and this process lives. */
  readonly onCleared: () => void;
}

/**
 * Who may have killed the owners before. One death is nothing special: processes are killed and deployed. After a second
 * one in a row, whatever the dead may have started runs alone, and only what dies alone is blamed.
 */
export interface Suspicion {
  /** Marks rows as they are read, in order. */
  meet(row: HeldRow): void;
  /** The row has run, and this process lives; or it never will run. */
  cleared(row: HeldRow): void;
  /** All that there was has been read. */
  metAll(): void;
}

export const createSuspicion = (options: SuspicionOptions): Suspicion => {
  const { deaths, deathsAlone, memory, suspectDeaths, takesSuspects, onCleared } = options;
  let toMeet = deaths > 0 ? memory : 0;
  let unproven = 0;
  let done = deaths === 0;

  const check = (): void => {
    if (done || toMeet > 0 || unproven > 0) return;
    done = true;
    onCleared();
  };
  return {
    meet: (row) => {
      const alone = deathsAlone.get(row.seq) ?? 0;
      if (alone >= suspectDeaths && takesSuspects) row.deaths = alone;
      else if (alone >= suspectDeaths) row.parking = crashSuspect;
      row.suspect = alone > 0 || (toMeet > 0 && deaths > 1);
      if (toMeet === 0) return;
      toMeet--;
      unproven++;
      row.unproven = true;
    },
    cleared: (row) => {
      row.suspect = false;
      if (!row.unproven) return;
      row.unproven = false;
      unproven--;
      check();
    },
    metAll: () => {
      toMeet = 0;
      check();
    },
  };
};

/** Why a row is parked that killed its process again and again. */
const crashSuspect = 'crash suspect';
