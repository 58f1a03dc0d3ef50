import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';
import type { ConsumerRoleOptions } from './roles/consumer.ts';
import type { Broker } from './roles/open-transport.ts';
import type { RelayRoleOptions } from './roles/relay.ts';
import type { ShopRoleOptions } from './roles/shop.ts';

/** What each role may be told beside what is the same for all. */
export interface RoleSettings {
  readonly shop: Partial<ShopRoleOptions>;
  readonly relay: Partial<RelayRoleOptions>;
  readonly consumer: Partial<ConsumerRoleOptions>;
}

/** A process of a scenario. */
export interface Worker {
  readonly role: keyof RoleSettings;
  /** `relay 2`: what it is called in the history and in the database. */
  readonly name: string;
  readonly child: Child;
  /** Whether it runs, as far as this process knows. */
  readonly running: boolean;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it has met its trap and is gone. */
  killedByTrap(): Promise<void>;
  /** Lets it end by itself; resolves when it has, and rejects if it did not end well. */
  close(): Promise<void>;
  /** What it said of itself when it was closed. */
  closed(): Promise<Readonly<Record<string, unknown>>>;
  /** The most memory that it took, in MB. */
  readonly peakMb: number;
}

/** It said that it was closed, and did not end: P7 is broken, however slow the machine is. */
export class StillRunsError extends Error {
  constructor(name: string, kept: unknown) {
    super(`${name} was closed and still runs: ${kept}`);
  }
}

/** The processes of a scenario. */
export interface Crew {
  readonly all: readonly Worker[];
  start<Role extends keyof RoleSettings>(role: Role, settings?: RoleSettings[Role]): Promise<Worker>;
  running(role: keyof RoleSettings): readonly Worker[];
  /** Those that ended although nobody had asked them to, and those that reported an error. */
  complaints(): readonly string[];
  closeAll(): Promise<void>;
}

export interface CrewOptions {
  readonly url: string;
  readonly seed: number;
  /** Whether the processes get little memory, for a test that measures it. */
  readonly tight: boolean;
  readonly broker: Broker | undefined;
  readonly topic: string;
}

const defaults = {
  shop: { writers: 8, customers: 40, orders: 4, holdMs: 20, pauseMs: 40, noteLength: 20, most: 1_000_000 },
  relay: { batchSize: 50, maxInFlight: 200 },
  consumer: { concurrency: 8, maxInFlight: 100, batchSize: 1, failsOneOf: 0 },
};

/** Stripping the types of our sources is most of the time that a process takes to start, so it is done once. */
const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
/** A heap that may not grow is kept clean: what the process takes is what it needs. */
const smallHeap = { NODE_OPTIONS: '--max-semi-space-size=2 --max-old-space-size=64' };

export const createCrew = ({ url, seed, tight, broker, topic }: CrewOptions): Crew => {
  const environment = { ...compileCache, HOLDFAST_CRASH_TOPIC: topic, ...(tight && smallHeap) };
  const all: Worker[] = [];
  const counts = { shop: 0, relay: 0, consumer: 0 };
  return {
    all,
    start: async (role, settings = {}) => {
      counts[role]++;
      const name = `${role} ${counts[role]}`;
      const told = {
        url,
        name,
        broker,
        seed: seed + all.length * 1_000,
        leaseMs: 1_000,
        ...defaults[role],
        ...settings,
      };
      const child = spawnChild(new URL(`roles/${role}.ts`, import.meta.url), [JSON.stringify(told)], environment);
      const worker = createWorker({ role, name, child });
      all.push(worker);
      await child.saw({ ready: true });
      return worker;
    },
    running: (role) => all.filter((worker) => worker.role === role && worker.running),
    complaints: () => all.flatMap((worker) => complaintsOf(worker)),
    closeAll: async () => {
      await Promise.all(all.map(({ child }) => child.close()));
    },
  };
};

const expected = new WeakSet<Child>();

const createWorker = ({ role, name, child }: Pick<Worker, 'role' | 'name' | 'child'>): Worker => {
  let running = true;
  void child.ended.then(() => {
    running = false;
  });
  return {
    ...{ role, name, child },
    get running() {
      return running;
    },
    kill: async () => {
      expected.add(child);
      await child.close();
    },
    killedByTrap: async () => {
      await child.saw((line) => 'trapped' in line);
      expected.add(child);
      const { signal } = await child.ended;
      if (signal !== 'SIGKILL') throw new Error(`${name} met its trap and ended by ${signal}`);
    },
    close: async () => {
      expected.add(child);
      child.tell({ close: true });
      await child.saw({ closed: true });
      await eventually(
        () => {
          if (running) throw new StillRunsError(name, child.lines.findLast(({ kept }) => kept)?.kept);
        },
        { timeoutMs: 10_000 },
      );
      const { code } = await child.ended;
      if (code !== 0) throw new Error(`${name} was closed and ended with code ${code}:\n${child.output}`);
    },
    closed: () => child.saw({ closed: true }),
    get peakMb() {
      return Math.max(0, ...child.lines.map(({ rssMb }) => Number(rssMb ?? 0)));
    },
  };
};

const complaintsOf = ({ name, child, running }: Worker): readonly string[] => {
  const ended = running || expected.has(child) ? [] : [`${name} ended by itself:\n${child.output.slice(-4_000)}`];
  const errors = child.output.split('\n').filter((line) => line.includes('"level":"error"'));
  return [...ended, ...errors.map((line) => `${name} said: ${line}`)];
};
