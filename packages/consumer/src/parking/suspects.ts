import type { Delivery, Runtime, Settlement } from '@holdfast/core';
import type { Starts } from '@holdfast/inbox';
import { crashSuspect, type Ending } from '../ending.ts';
import type { AloneGate } from './alone-gate.ts';
import type { OwnedPartition } from './owned-partition.ts';

export interface SuspectsOptions {
  readonly starts: Starts;
  readonly gate: AloneGate;
  /** After so many deaths alone a message is a dead letter. */
  readonly suspectDeaths: number;
  readonly group: string;
  readonly runtime: Runtime;
}

/** What a message is run with. */
export interface SuspectRun {
  readonly handle: () => Promise<Settlement>;
  /** Makes a dead letter of it, without running it. */
  readonly condemn: (ending: Ending) => Promise<Settlement>;
}

/**
 * Who kills the process. Where an owner has died, the starts of what it may have had are recorded; what was running when
 * the next one dies is suspected, and runs alone, one at a time; only a death while alone counts against a message.
 */
export interface Suspects {
  /** Where nobody has died it costs nothing. Never rejects if neither function does. */
  run(owned: OwnedPartition, delivery: Delivery, parts: SuspectRun): Promise<Settlement>;
}

export const createSuspects = ({ starts, gate, suspectDeaths, group, runtime }: SuspectsOptions): Suspects => {
  const { log } = runtime;

  /** `undefined`: its start could not be recorded. */
  const recorded = async (
    owned: OwnedPartition,
    id: string,
    { alone, run }: { readonly alone: boolean; readonly run: () => Promise<Settlement> },
  ): Promise<Settlement | undefined> => {
    try {
      await starts.started(owned.claim, id, alone);
    } catch (error) {
      log.info({ error, id, group }, 'the start of a message could not be recorded; it waits');
      return undefined;
    }
    const settlement = await run();
    const ending = starts.ended(owned.claim, id).catch((error: unknown) => {
      log.info({ error, id, group }, 'the end of a message could not be recorded; it may be suspected wrongly');
    });
    // It must not be suspected of what the next one does.
    if (alone) await ending;
    return settlement;
  };

  const runAlone = async (
    owned: OwnedPartition,
    delivery: Delivery,
    run: SuspectRun['handle'],
  ): Promise<Settlement> => {
    const { id, type } = delivery.message;
    log.warn({ id, type, group }, 'a message that may have killed its process runs alone');
    const settlement = await gate.alone(() => recorded(owned, id, { alone: true, run }));
    if (settlement === undefined) return later;
    owned.suspicion?.suspects.delete(id);
    return settlement;
  };

  const watched = async (owned: OwnedPartition, delivery: Delivery, parts: SuspectRun): Promise<Settlement> => {
    const { id } = delivery.message;
    const { suspicion } = owned;
    const deaths = suspicion?.suspects.get(id);
    if (deaths !== undefined && deaths >= suspectDeaths) {
      const settlement = await parts.condemn(crashSuspect(deaths));
      survived(owned, id, settlement);
      return settlement;
    }
    const watches = suspicion?.watches(id) === true;
    const settlement =
      deaths !== undefined
        ? await runAlone(owned, delivery, parts.handle)
        : await gate.together(async () => {
            if (!watches) return parts.handle();
            return (await recorded(owned, id, { alone: false, run: parts.handle })) ?? later;
          });
    survived(owned, id, settlement);
    return settlement;
  };

  const survived = (owned: OwnedPartition, id: string, settlement: Settlement): void => {
    const { suspicion } = owned;
    if (suspicion === undefined || settlement.outcome !== 'ack') return;
    suspicion.survived(id);
    if (!suspicion.isOver) return;
    owned.suspicion = undefined;
    starts.cleared(owned.claim).catch((error: unknown) => {
      log.info({ error, group }, 'it could not be recorded that nobody is suspected any more');
    });
  };

  return {
    run: (owned, delivery, parts) =>
      owned.suspicion === undefined ? gate.together(parts.handle) : watched(owned, delivery, parts),
  };
};

/** Not the message's doing, and over soon. */
const later: Settlement = { outcome: 'retry', delayMs: 1_000, spent: false };
