import type { CrashWorld } from './crash-world.ts';

/** How many messages are in the log that were there before: the relay published them again. */
export const copiesIn = ({ count }: Pick<CrashWorld, 'count'>): Promise<number> =>
  count('select count(*) - count(distinct id) from holdfast.log');
