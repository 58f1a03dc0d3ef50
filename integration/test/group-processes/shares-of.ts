import assert from 'node:assert/strict';
import { type Child, eventually } from '../../harness/index.ts';

/** Asks consumers' processes how many partitions each of them owns. */
export const sharesOf = (...children: readonly Child[]): Promise<number[]> => Promise.all(children.map(shareOf));

const shareOf = async (child: Child): Promise<number> => {
  const before = child.lines.length;
  const answer = () => child.lines.slice(before).findLast((line) => 'owned' in line);
  child.tell({ owned: true });
  await eventually(() => assert.ok(answer()));
  return Number(answer()?.owned);
};
