import fc from 'fast-check';
import type { Entry } from '../../harness/index.ts';

/** What becomes of a message in a good history. */
type Fate = 'handled' | 'parked' | 'redriven' | 'rolled back' | 'unknown, happened' | 'unknown, did not happen';

type Bare = Omit<Entry, 't'>;

const fates: readonly Fate[] = [
  'handled',
  'handled',
  'handled',
  'parked',
  'redriven',
  'rolled back',
  'unknown, happened',
  'unknown, did not happen',
];

/** A history without fault: several keys and claims at once, with crashes, roll-backs, parking and redrive. */
export const goodHistory: fc.Arbitrary<Entry[]> = fc
  .tuple(
    fc.array(fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 8 }), { maxLength: 3 }),
    fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
  )
  .map(([keys, claims, choices]) =>
    interleave([...keys.map(publicationsOf), ...keys.map(handlingOf), ...claims.map(writesOf)], choices),
  );

const message = (keyIndex: number, seq: number): { id: string; key: string; seq: number } => ({
  id: `${keyIndex}-${seq}`,
  key: `key-${keyIndex}`,
  seq,
});

const publicationsOf = (messages: readonly Fate[], keyIndex: number): Bare[] =>
  messages.flatMap((fate, seq): Bare[] => {
    const common = { p: 'producer', f: 'publish', ...message(keyIndex, seq) } as const;
    const invoke = { ...common, type: 'invoke' } as const;
    if (fate === 'rolled back') return [invoke, { ...common, type: 'fail' }];
    if (fate === 'unknown, happened') return [invoke];
    if (fate === 'unknown, did not happen') return [invoke, { ...common, type: 'info' }];
    return [invoke, { ...common, type: 'ok' }];
  });

const handlingOf = (messages: readonly Fate[], keyIndex: number): Bare[] => {
  const steps = (seq: number, ...names: Entry['f'][]): Bare[] =>
    names.map((f) => ({ p: `consumer-${seq % 3}`, f, type: 'ok', ...message(keyIndex, seq) }));
  const first = messages.flatMap((fate, seq) => {
    if (fate === 'handled' || fate === 'unknown, happened') return steps(seq, 'effect');
    return fate === 'parked' || fate === 'redriven' ? steps(seq, 'park') : [];
  });
  const redriven = messages.flatMap((fate, seq) => (fate === 'redriven' ? steps(seq, 'unpark', 'effect') : []));
  return [...first, ...redriven];
};

/** Each number is how many owners come and go before the next write. */
const writesOf = (changes: readonly number[], claimIndex: number): Bare[] => {
  let epoch = 8;
  return changes.map((change, index) => {
    epoch += change;
    const id = `${claimIndex}/${index}`;
    return { p: `owner-${epoch}`, f: 'write', type: 'ok', id, key: `claim-${claimIndex}`, epoch: `${epoch}` };
  });
};

const interleave = (sequences: readonly Bare[][], choices: readonly number[]): Entry[] => {
  const left = sequences.map((sequence) => [...sequence]).filter((sequence) => sequence.length > 0);
  const merged: Entry[] = [];
  while (left.length > 0) {
    const index = (choices[merged.length % choices.length] ?? 0) % left.length;
    const entry = left[index]?.shift();
    if (entry) merged.push({ t: merged.length, ...entry });
    if (left[index]?.length === 0) left.splice(index, 1);
  }
  return merged;
};
