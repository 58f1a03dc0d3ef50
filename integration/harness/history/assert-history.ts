import { type CheckOptions, checkHistory } from './check-history.ts';
import type { Entry } from './entry.ts';
import { invariants, type Violation } from './violation.ts';

/** How many violations a failure shows. */
const shownViolations = 20;

/** Fails with every invariant that a finished history breaks, and on a history that proves nothing because it has no effect. */
export const assertHistory = (history: readonly Entry[], options: CheckOptions = {}): void => {
  if (!history.some(({ f, type }) => f === 'effect' && type === 'ok')) {
    throw new Error(`a history of ${history.length} entries without one effect proves nothing`);
  }
  const violations = checkHistory(history, options);
  if (violations.length === 0) return;
  const shown = violations.slice(0, shownViolations).map(textOf);
  throw new Error(`${violations.length} violations in a history of ${history.length} entries:\n${shown.join('\n')}`);
};

const textOf = ({ invariant, id, key, found }: Violation): string =>
  `${invariant} ${invariants[invariant]}: ${id}${key === undefined ? '' : ` of ${key}`}: ${found}`;
