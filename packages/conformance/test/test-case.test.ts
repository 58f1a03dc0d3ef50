import assert from 'node:assert/strict';
import { InvalidOptionError } from '@holdfast/core';
import type { MochaLike } from '../src/mocha-like.ts';
import { random } from '../src/random.ts';
import { registerCases, type Skip, type TestCase } from '../src/test-case.ts';
import { transportCases } from '../src/transport/transport-suite.ts';

interface Registered {
  readonly title: string;
  readonly skipped: boolean;
}

type Body = () => Promise<void>;

/** What a test framework was told. */
const register = (cases: readonly TestCase<string>[], skip: readonly Skip[]) => {
  const registered: Registered[] = [];
  const bodies: Body[] = [];
  let cleanUps = 0;
  const plain = (title: string, body: Body): void => {
    registered.push({ title, skipped: false });
    bodies.push(body);
  };
  const it = Object.assign(plain, {
    skip: (title: string): void => void registered.push({ title, skipped: true }),
  });
  const mochaLike: MochaLike = { describe: (_title, body) => body(), it, afterEach: () => void cleanUps++ };
  registerCases({ title: 'suite', cases, skip, bench: 'bench', cleanUp: async () => {} }, mochaLike);
  return { registered, bodies, cleanUps };
};

const run = async (): Promise<void> => {};

describe('a suite', () => {
  it('shows a skipped test with its reason', () => {
    const cases = [
      { name: 'P1: one', run },
      { name: 'P2: two', run, pointless: (bench: string) => `not with a ${bench}` },
      { name: 'P3: three', run },
    ];
    const { registered, cleanUps } = register(cases, [{ test: 'P3: three', reason: 'its broker has no order' }]);
    assert.deepEqual(registered, [
      { title: 'P1: one', skipped: false },
      { title: 'P2: two [skipped: not with a bench]', skipped: true },
      { title: 'P3: three [skipped: its broker has no order]', skipped: true },
    ]);
    assert.equal(cleanUps, 1);
  });

  it('refuses a skip without a reason, and one that names no test', () => {
    const refused = (error: unknown): boolean => error instanceof InvalidOptionError && error.option === 'skip';
    assert.throws(() => register([{ name: 'P1: one', run }], [{ test: 'P1: one', reason: ' ' }]), refused);
    assert.throws(() => register([{ name: 'P1: one', run }], [{ test: 'P1: other', reason: 'because' }]), refused);
  });
});

describe('a test of a suite', () => {
  afterEach(() => {
    delete process.env.HOLDFAST_SEED;
  });

  it('names its seed when it fails, under which it makes the same choices again', async () => {
    const chosen: number[] = [];
    const [body] = register(
      [{ name: 'P1: one', run: async () => assert.fail(`chose ${chosen.push(random())}`) }],
      [],
    ).bodies;
    const seedOf = async (): Promise<string | undefined> => {
      const error = await body?.().catch((failure: unknown) => failure);
      return /^chose \d\n\(HOLDFAST_SEED=(\d+)\)$/.exec(String((error as Error).message))?.[1];
    };
    const seed = await seedOf();
    assert.notEqual(await seedOf(), seed);
    assert.notEqual(chosen[1], chosen[0]);
    process.env.HOLDFAST_SEED = seed;
    assert.equal(await seedOf(), seed);
    assert.equal(chosen[2], chosen[0]);
  });
});

describe('the transport suite', () => {
  it('names each test by the promise it checks, and each promise but effect once has a test', () => {
    const names = transportCases.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^P[1-9]: /);
    const promises = new Set(names.map((name) => name.slice(0, 2)));
    assert.deepEqual([...promises].sort(), ['P1', 'P2', 'P3', 'P5', 'P6', 'P7', 'P8', 'P9']);
  });
});
