import { InvalidOptionError } from '@holdfast/core';
import { hasStoredMessages, inboxSchema } from '@holdfast/inbox';
import { checkSchema, type Database } from '@holdfast/postgres';
import type { Settings } from './consumer-options.ts';
import { checkDelays, longerDelay } from './retry-verdict.ts';
import type { Routes } from './routes.ts';

export interface StartChecks<Tx> {
  readonly settings: Settings<Tx>;
  readonly routes: Routes;
}

/** Refuses, before the group is joined, what could not be kept: no handler, waits that are too long, missing tables. */
export const checkStart = async <Tx>({ settings, routes }: StartChecks<Tx>): Promise<void> => {
  const { database, group, holdMs, inbox } = settings;
  const { log } = settings.runtime;
  if (routes.topics.length === 0) {
    throw new InvalidOptionError('on', 'the consumer has no handler; add one with on() or onBatch() before start()');
  }
  if (database === undefined) return checkDelays(settings, holdMs);
  await checkSchema(database, [inboxSchema]);
  if (inbox === 'store-first') return;
  await refuseStored(database, group);
  const cut = longerDelay(settings, holdMs);
  if (cut !== undefined)
    log.warn({ ...cut, holdMs, group }, 'the backoff asks for longer waits than holdMs; they are cut');
};

/** What an earlier `store-first` left would be handled by nobody, or after what came later. */
const refuseStored = async <Tx>(database: Database<Tx>, group: string): Promise<void> => {
  if (!(await hasStoredMessages(database, group))) return;
  throw new InvalidOptionError(
    'inbox',
    `group '${group}' has stored messages from 'store-first'; run it so until they are handled, then change to 'direct'`,
  );
};
