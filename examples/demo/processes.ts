import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crashCode } from './charge-card.ts';

export type RoleName = 'shop' | 'relay' | 'billing' | 'shipping';

/** What all processes together reported since the start. */
export type Counts = Record<'ready' | 'relayed' | 'delivered' | 'duplicates', number>;

export interface Processes {
  readonly counts: Counts;
  readonly kills: number;
  /** How many ended by themselves, as an order made them. */
  readonly crashes: number;
  /** Resolves when all have started for the first time. */
  ready(): Promise<void>;
  /** Kills one process at once, as a crash would, and starts it again. Returns its name. */
  killOne(random: () => number): string;
  stop(): Promise<void>;
}

interface Slot {
  readonly name: string;
  readonly role: RoleName;
  child: ChildProcess;
}

/** A process that starts again finds its modules compiled. */
const compileCache = join(tmpdir(), 'holdfast-demo-compile-cache');

const team: readonly (readonly [RoleName, number])[] = [
  ['shop', 1],
  ['relay', 2],
  ['billing', 2],
  ['shipping', 2],
];

/** Starts every role as processes of its own, and starts again whatever ends. */
export const startProcesses = (args: readonly string[]): Processes => {
  const counts: Counts = { ready: 0, relayed: 0, delivered: 0, duplicates: 0 };
  let kills = 0;
  let crashes = 0;
  let stopping = false;

  const launch = (role: RoleName): ChildProcess => {
    const file = fileURLToPath(new URL(`./${role}.ts`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    });
    createInterface({ input: child.stdout }).on('line', (line) => add(counts, line));
    createInterface({ input: child.stderr }).on('line', (line) => complaints.push(`${role}: ${line}`));
    return child;
  };
  const complaints: string[] = [];
  const keep = (slot: Slot): void => {
    slot.child.once('exit', (code) => {
      if (stopping) return;
      if (code === crashCode) crashes += 1;
      else if (code !== null) complain(slot.name, code, complaints); // it ended by itself: a kill has no exit code
      slot.child = launch(slot.role);
      keep(slot);
    });
  };
  const slots = team.flatMap(([role, many]) =>
    Array.from(
      { length: many },
      (_, n): Slot => ({ name: many === 1 ? role : `${role}-${n + 1}`, role, child: launch(role) }),
    ),
  );
  slots.forEach(keep);

  return {
    counts,
    get crashes() {
      return crashes;
    },
    get kills() {
      return kills;
    },
    ready: async () => {
      while (counts.ready < slots.length) await pause(50);
    },
    killOne: (random) => {
      const slot = slots[Math.floor(random() * slots.length)];
      if (slot === undefined || !slot.child.kill('SIGKILL')) return '';
      kills += 1;
      return slot.name;
    },
    stop: async () => {
      stopping = true;
      await Promise.all(slots.map(({ child }) => ended(child)));
    },
  };
};

const add = (counts: Counts, line: string): void => {
  try {
    for (const [name, by] of Object.entries(JSON.parse(line) as Partial<Counts>)) counts[name as keyof Counts] += by;
  } catch {
    // a line cut short by the kill
  }
};

const complain = (name: string, code: number, complaints: readonly string[]): void => {
  process.stderr.write(`${name} ended by itself with code ${code}: ${complaints.slice(-12).join('\n')}\n`);
};

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
