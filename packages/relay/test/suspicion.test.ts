import assert from 'node:assert/strict';
import { createSuspicion } from '../src/suspicion.ts';
import { aRow } from './a-row.ts';

const suspicion = (deaths: number, deathsAlone: Readonly<Record<string, number>> = {}) => {
  let cleared = 0;
  return {
    ...createSuspicion({
      deaths,
      deathsAlone: new Map(Object.entries(deathsAlone)),
      memory: 2,
      suspectDeaths: 3,
      onCleared: () => cleared++,
    }),
    cleared: () => cleared,
  };
};

describe('suspicion', () => {
  it('falls on nobody when nobody has died', () => {
    const none = suspicion(0);
    const row = aRow();
    none.meet(row);
    none.metAll();
    assert.deepEqual([row.suspect, row.unproven, none.cleared()], [false, false, 0]);
  });

  it('after one death only watches those who may have been running, and ends when all of them have run', () => {
    const options = { deaths: 1, deathsAlone: new Map(), memory: 2, suspectDeaths: 3 };
    let ended = 0;
    const one = createSuspicion({ ...options, onCleared: () => ended++ });
    const rows = [aRow(), aRow(), aRow()];
    for (const row of rows) one.meet(row);
    assert.deepEqual(
      rows.map(({ suspect, unproven }) => [suspect, unproven]),
      [
        [false, true],
        [false, true],
        [false, false],
      ],
    );
    for (const row of rows) one.cleared(row);
    one.metAll();
    assert.equal(ended, 1);
  });

  it('ends at once when there is nothing', () => {
    let ended = 0;
    createSuspicion({
      deaths: 2,
      deathsAlone: new Map(),
      memory: 2,
      suspectDeaths: 3,
      onCleared: () => ended++,
    }).metAll();
    assert.equal(ended, 1);
  });

  it('after a second death has those run alone, once', () => {
    const two = suspicion(2);
    const rows = [aRow(), aRow(), aRow()];
    for (const row of rows) two.meet(row);
    assert.deepEqual(
      rows.map(({ suspect }) => suspect),
      [true, true, false],
    );
    const [first] = rows;
    if (first)
      createSuspicion({ deaths: 2, deathsAlone: new Map(), memory: 2, suspectDeaths: 3, onCleared: () => {} }).cleared(
        first,
      );
    assert.equal(first?.suspect, false);
  });

  it('stays on who has died alone, and parks it after enough deaths', () => {
    const known = suspicion(0, { 7: 2, 8: 3 });
    const [seven, eight] = [aRow({ seq: '7' }), aRow({ seq: '8' })];
    known.meet(seven);
    known.meet(eight);
    assert.deepEqual([seven.suspect, seven.parking, eight.parking], [true, undefined, 'crash suspect']);
  });

  it('hands a row that died alone often enough over with its deaths, where the sink takes it', () => {
    const { meet } = createSuspicion({
      ...{ deaths: 4, deathsAlone: new Map([['7', 3]]), memory: 2, suspectDeaths: 3, takesSuspects: true },
      onCleared: () => {},
    });
    const row = aRow({ seq: '7' });
    meet(row);
    assert.deepEqual([row.parking, row.deaths, row.suspect], [undefined, 3, true]);
  });
});
