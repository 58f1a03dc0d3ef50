import { InvalidOptionError, refuseUnknown, requireWhole } from '@holdfast/core';
import type { DeadLettersOptions, Page, RedriveOptions } from './dead-letters.ts';

const thirtyDaysMs = 30 * 24 * 3_600_000;

/** Throws `invalid_option` for what cannot work or is not known, as all of these do. */
export const checkOptions = <Tx>(options: DeadLettersOptions<Tx>) => {
  refuseUnknown('createDeadLetters', ['database', 'group', 'by', 'maxAgeMs', 'runtime'], options);
  const { database, group, by, maxAgeMs = thirtyDaysMs } = options;
  if (typeof group !== 'string' || group === '') throw new InvalidOptionError('group', 'found no name; name the group');
  if (typeof by !== 'string' || by === '') throw new InvalidOptionError('by', 'found no name; say who acts');
  if (!(Number.isFinite(maxAgeMs) && maxAgeMs > 0)) {
    throw new InvalidOptionError('maxAgeMs', `found ${maxAgeMs}; expected a number of milliseconds above 0`);
  }
  return { database, group, by, maxAgeMs };
};

export const checkReason = (reason: string): void => {
  if (typeof reason !== 'string' || reason === '') {
    throw new InvalidOptionError('reason', 'found none; say why, for the audit');
  }
};

export const checkRedrive = (options: RedriveOptions): void => {
  refuseUnknown('redrive', ['only', 'perSecond', 'dryRun', 'reason'], options);
  const { only, perSecond = 0, dryRun = false } = options;
  if (only !== undefined && only !== 'head') {
    throw new InvalidOptionError('only', `found '${only}'; expected 'head', or leave it out: what follows goes on`);
  }
  if (!(Number.isFinite(perSecond) && perSecond >= 0)) {
    throw new InvalidOptionError('perSecond', `found ${perSecond}; expected a number above 0`);
  }
  if (typeof dryRun !== 'boolean') throw new InvalidOptionError('dryRun', `found ${dryRun}; expected true or false`);
};

export const checkPage = (page: Page): Page => {
  refuseUnknown('a page', ['limit', 'after'], page);
  const { limit, after } = page;
  if (limit !== undefined) requireWhole('limit', limit, 1);
  if (after !== undefined && !/^\d{1,18}$/.test(after)) {
    throw new InvalidOptionError('after', `found '${after}'; expected the place of the last one read`);
  }
  return page;
};
