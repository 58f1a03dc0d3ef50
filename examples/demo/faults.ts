import { setTimeout as pause } from 'node:timers/promises';
import { createDeadLetters } from 'holdfast';
import { takeAccount } from './account.ts';
import { faultyTotals, startBank } from './bank.ts';
import type { openDatabase } from './database.ts';
import { freePort } from './free-port.ts';

/** What `--faults` does to a run. */
export interface Faults {
  readonly bankUrl: string;
  /** What an order costs: most are harmless, one kills the process that handles it. */
  totalOf(place: number): number;
  /** The card network goes away for a while, in the middle. */
  begin(): void;
  /** When all that can be handled was: lists the dead letters, repairs the card network and runs them again. */
  redriveAll(): Promise<Redriven>;
  close(): Promise<void>;
}

/** How many dead letters were redriven, and which faults had not come when they were: then the run has not shown what it is for. */
export interface Redriven {
  readonly letters: number;
  readonly missed: readonly string[];
}

export interface FaultsOptions {
  readonly opened: ReturnType<typeof openDatabase>;
  readonly seconds: number;
  readonly random: () => number;
  readonly print: (line: string) => void;
}

const awayMs = 3_000;
/** Nothing has become of any order for so long: what is left are dead letters and what waits behind them. */
const quietMs = 4_000;
const longestMs = 90_000;
/** Of the orders that kill and that is refused: early, so that they are there when the machine is slow. */
const deadlyPlace = 40;
const stolenPlace = 20;
/** So many dead letters of each kind are listed one by one. */
const listed = 3;

export const startFaults = async ({ opened, seconds, random, print }: FaultsOptions): Promise<Faults> => {
  const bank = await startBank(await freePort(), random);
  const deadLetters = createDeadLetters({ database: opened.database, group: 'billing', by: 'the demo' });
  let deadly: 'not placed' | 'placed' | 'dead letter' = 'not placed';
  let outage: NodeJS.Timeout | undefined;

  /** Cards that are refused come at once; the order that kills its process takes three deaths. */
  const untilQuiet = async (): Promise<void> => {
    let before = '';
    let movedAt = performance.now();
    const endsAt = movedAt + longestMs;
    while ((deadly === 'placed' || performance.now() - movedAt < quietMs) && performance.now() < endsAt) {
      await pause(200);
      const groups = await deadLetters.groups();
      if (groups.some(({ reason }) => !reason.includes('stolen'))) deadly = 'dead letter';
      const now = JSON.stringify([await takeAccount(opened.pool), groups]);
      if (now !== before) movedAt = performance.now();
      before = now;
    }
  };
  return {
    bankUrl: bank.url,
    totalOf: (place) => {
      if (place === stolenPlace) return faultyTotals.stolen;
      if (place !== deadlyPlace) return 1 + Math.floor(random() * 100);
      deadly = 'placed';
      return faultyTotals.deadly;
    },
    begin: () => {
      outage = setTimeout(() => {
        print(`        the card network is away for ${awayMs / 1_000} s`);
        bank.goAway(awayMs);
      }, seconds * 400);
    },
    redriveAll: async () => {
      await untilQuiet();
      for (const { signature, letters, reason } of await deadLetters.groups()) {
        print(`dead letters: ${letters} × ${reason}`);
        for (const { id, key, attempts, behind } of await deadLetters.list({ signature }, { limit: listed })) {
          print(`  ${id} of customer ${key} after ${attempts} attempts, ${behind} orders wait behind it`);
        }
      }
      // The outage may fall into a moment in which no process calls: those that did were just killed.
      const missed = Object.entries(bank.answers).flatMap(([answer, times]) =>
        times > 0 || answer === 'away' ? [] : [answer],
      );
      if (deadly !== 'dead letter') missed.push('the dead letter of the order that kills');
      bank.repair();
      const { letters } = await deadLetters.redrive({ all: true }, { reason: 'the card network is repaired' });
      print(`The card network is repaired, and its dead letters are redriven: ${letters}.`);
      return { letters, missed };
    },
    close: () => {
      clearTimeout(outage);
      return bank.close();
    },
  };
};
