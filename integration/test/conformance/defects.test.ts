import assert from 'node:assert/strict';
import { type MochaLike, transportSuite } from '@holdfast/conformance';
import { createMemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import { type Defect, defects } from './defects.ts';
import { memoryCapabilities } from './memory-capabilities.ts';

/** Runs one test of the suite against a memory transport with a defect, or without; returns what it failed with. */
const runOne = async (title: string, plant: Defect['plant'] = () => ({})): Promise<unknown> => {
  const tests = new Map<string, () => Promise<void>>();
  let cleanUp = async (): Promise<void> => {};
  const it = Object.assign((name: string, body: () => Promise<void>): unknown => tests.set(name, body), {
    skip: () => {},
  });
  const mochaLike: MochaLike = {
    describe: (_title, body) => body(),
    it,
    afterEach: (body) => {
      cleanUp = body;
    },
  };
  const broker = createMemoryBroker();
  const state = new Set<string>();
  transportSuite(
    {
      name: 'memory',
      create: (runtime) => {
        const transport = memoryTransport({ broker, runtime });
        return { ...transport, ...plant(transport, state) };
      },
      capabilities: memoryCapabilities,
      patienceMs: 1_000,
    },
    mochaLike,
  );
  const test = tests.get(title);
  assert.ok(test, `the suite has no test '${title}'`);
  try {
    await test();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await cleanUp();
  }
};

describe('the transport suite', () => {
  for (const { defect, foundBy, plant } of defects) {
    it(`finds that ${defect}`, async () => {
      assert.equal(await runOne(foundBy), undefined, 'the test fails without the defect');
      assert.ok((await runOne(foundBy, plant)) instanceof assert.AssertionError);
    });
  }
});
