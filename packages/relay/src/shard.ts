import { sleep } from '@holdfast/core';
import type { Lease } from '@holdfast/postgres';
import { createPipeline, type Pipeline, type PipelineOptions } from './pipeline.ts';
import type { Position } from './position.ts';
import type { Refusal } from './refusal.ts';
import type { Ticks } from './ticks.ts';

export interface ShardOptions extends Omit<PipelineOptions, 'ticks' | 'deathsAlone'> {
  /** The ticks of one server, which changes its incarnation when it is started or recovered. */
  readonly ticksOf: (incarnation: string) => Ticks;
}

/** One shard, for as long as its lease holds. */
export interface Shard {
  readonly lease: Lease;
  poke(): void;
  /** Where it waits for new rows; undefined while it is busy. */
  readonly position: Position | undefined;
  /** The slot of the ring where the oldest row in memory is. */
  readonly slot: string | undefined;
  readonly inFlight: number;
  /** How many keys wait for a delay, their rows not in memory. */
  readonly aside: number;
  /** Resolves when it was stopped or, with `once`, when it is done; and when the lease is lost. Never rejects. */
  readonly ended: Promise<void>;
  /** Starts nothing more; `ended` resolves when what was under way has ended. */
  stop(): void;
  /** Tells what is under way to end. */
  abandon(reason: unknown): void;
}

export const createShard = (options: ShardOptions): Shard => {
  const { store, lease, ticksOf, persist } = options;
  const { clock, log } = options.runtime;
  let pipeline: Pipeline | undefined;
  let stopped = false;

  const work = async (died: boolean): Promise<'done' | Refusal> => {
    const begun = await persist(store.begin, lease.signal);
    if (begun === 'lost') return 'lost';
    const ticks = ticksOf(begun.incarnation);
    ticks.add(begun.tick);
    const deathsAlone = await persist((during) => store.countDeaths(died, during), lease.signal);
    if (stopped) return 'done';
    pipeline = createPipeline({ ...options, ticks, deathsAlone });
    return await pipeline.run();
  };
  const run = async (): Promise<void> => {
    for (let died = lease.takenOver; !stopped && lease.holds(); died = false) {
      try {
        const end = await work(died);
        if (end === 'done') return;
        // Whoever lost the claim hears of it at the next beat of the leases.
        if (end === 'lost') await sleep(clock, beginAgainMs, lease.signal);
      } catch (error) {
        if (lease.signal.aborted) return;
        log.error({ error, shard: lease.slot }, 'a shard failed; it begins again');
        await sleep(clock, beginAgainMs, lease.signal).catch(() => {});
      }
    }
  };
  return {
    lease,
    poke: () => pipeline?.poke(),
    get position() {
      return pipeline?.position;
    },
    get slot() {
      return pipeline?.slot;
    },
    get inFlight() {
      return pipeline?.inFlight ?? 0;
    },
    get aside() {
      return pipeline?.aside ?? 0;
    },
    ended: run(),
    stop: () => {
      stopped = true;
      pipeline?.stop();
    },
    abandon: (reason) => pipeline?.abandon(reason),
  };
};

const beginAgainMs = 1_000;
