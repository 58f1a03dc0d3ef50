import { InvalidOptionError, type Runtime, refuseUnknown, requireWhole } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';

export interface DeadLettersOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** Who acts: for the audit. */
  readonly by: string;
  /** Older ones are redriven with a warning: the inbox may have forgotten what took effect. Default 30 days. */
  readonly maxAgeMs?: number | undefined;
  /** How long the audit is kept: what is older is deleted with the next verb. `Infinity`: for ever. Default 90 days. */
  readonly auditRetentionMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Page {
  /** Default 100. */
  readonly limit?: number | undefined;
  /** The `place` of the last one read. */
  readonly after?: string | undefined;
}

export interface RedriveOptions {
  /** `head`: only the dead letters run; what waits behind them is held until it is redriven. Default: what follows goes on. */
  readonly only?: 'head' | undefined;
  /** At most so many become due in a second. Default: all at once. */
  readonly perSecond?: number | undefined;
  /** Says what would be redriven, and changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** For the audit. */
  readonly reason?: string | undefined;
}

/** The options with their defaults. */
export interface Checked<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  readonly by: string;
  readonly maxAgeMs: number;
  readonly auditRetentionMs: number;
}

const dayMs = 24 * 3_600_000;

/** Throws `invalid_option` for what cannot work or is not known, as all of these do. */
export const checkOptions = <Tx>(options: DeadLettersOptions<Tx>): Checked<Tx> => {
  refuseUnknown('createDeadLetters', ['database', 'group', 'by', 'maxAgeMs', 'auditRetentionMs', 'runtime'], options);
  const { database, group, by, maxAgeMs = 30 * dayMs, auditRetentionMs = 90 * dayMs } = options;
  if (typeof group !== 'string' || group === '') throw new InvalidOptionError('group', 'found no name; name the group');
  if (typeof by !== 'string' || by === '') throw new InvalidOptionError('by', 'found no name; say who acts');
  if (!(Number.isFinite(maxAgeMs) && maxAgeMs > 0)) {
    throw new InvalidOptionError('maxAgeMs', `found ${maxAgeMs}; expected a number of milliseconds above 0`);
  }
  if (!(auditRetentionMs > 0)) {
    throw new InvalidOptionError(
      'auditRetentionMs',
      `found ${auditRetentionMs}; expected a number of milliseconds above 0, or Infinity`,
    );
  }
  return { database, group, by, maxAgeMs, auditRetentionMs };
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
