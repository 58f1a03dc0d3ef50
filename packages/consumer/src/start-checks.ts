import { InvalidOptionError, type Ordering } from '@holdfast/core';
import { checkRetention, inboxSchema, readStoredState, type StoredState } from '@holdfast/inbox';
import { checkSchema } from '@holdfast/postgres';
import type { Settings } from './consumer-options.ts';
import { defaultDeduplicateTtlMs } from './deduplicate.ts';
import { checkDelays, redeliveryHorizonMs } from './retry-verdict.ts';
import type { Routes } from './routes.ts';

export interface StartChecks<Tx> {
  readonly settings: Settings<Tx>;
  readonly routes: Routes;
}

/** Refuses, before the group is joined, what could not be kept: no handler, waits that are too long, missing tables. */
export const checkStart = async <Tx>({ settings, routes }: StartChecks<Tx>): Promise<void> => {
  const { database, deduplicate, group, holdMs, inbox, ordering, retentionMs } = settings;
  if (routes.topics.length === 0) {
    throw new InvalidOptionError('on', 'the consumer has no handler; add one with on() or onBatch() before start()');
  }
  if (deduplicate !== undefined) {
    const { ttlMs = defaultDeduplicateTtlMs } = deduplicate;
    checkRetention({ retentionMs: ttlMs, redeliveryHorizonMs: redeliveryHorizonMs(settings) });
  }
  if (database === undefined) return checkDelays(settings, holdMs);
  if (Number.isFinite(retentionMs)) checkRetention({ retentionMs, redeliveryHorizonMs: redeliveryHorizonMs(settings) });
  await checkSchema(database, [inboxSchema]);
  const stored = await readStoredState(database, group);
  if (inbox === 'store-first') {
    refuseSequences(stored, group);
    return refuseOtherOrder(stored, { group, ordering });
  }
  refuseStored(stored, group);
};

/** What an earlier `store-first` left would be handled by nobody, or after what came later. */
const refuseStored = ({ waiting, parked }: StoredState, group: string): void => {
  if (!waiting && parked) {
    throw new InvalidOptionError(
      'inbox',
      `group '${group}' has parked messages, whose keys must not be overtaken; put them back with inbox.retry() under 'store-first', then change to 'direct'`,
    );
  }
  if (!waiting) return;
  throw new InvalidOptionError(
    'inbox',
    `group '${group}' has stored messages from 'store-first'; run it so until they are handled, then change to 'direct'`,
  );
};

/** What an earlier `direct` has parked would be drained by nobody. */
const refuseSequences = ({ sequences }: StoredState, group: string): void => {
  if (!sequences) return;
  throw new InvalidOptionError(
    'inbox',
    `group '${group}' has parked keys from 'direct'; run it so until they are handled, then change to 'store-first'`,
  );
};

/** Two orders in one store: what comes now would overtake what waits, or wait for what nothing keeps in order. */
const refuseOtherOrder = (
  { ordering: found }: StoredState,
  { group, ordering }: { readonly group: string; readonly ordering: Ordering },
): void => {
  if (found === undefined || found === ordering) return;
  throw new InvalidOptionError(
    'ordering',
    `found '${ordering}', but group '${group}' has stored messages with '${found}'; run it so until they are handled, then change it`,
  );
};
