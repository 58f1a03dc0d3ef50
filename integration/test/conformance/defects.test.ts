import assert from 'node:assert/strict';
import { type MochaLike, transportSuite } from '@holdfast/conformance';
import { createMemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import { type Defect, defects } from './defects.ts';
import { memoryCapabilities } from './memory-capabilities.ts';
import { runOne } from './run-one.ts';

/** Against a memory transport with a defect, or without. */
const suiteOf =
  (plant: Defect['plant'] = () => ({})) =>
  (mochaLike: MochaLike): void => {
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
  };

describe('the transport suite', () => {
  for (const { defect, foundBy, plant } of defects) {
    it(`finds that ${defect}`, async () => {
      assert.equal(await runOne(foundBy, suiteOf()), undefined, 'the test fails without the defect');
      assert.ok((await runOne(foundBy, suiteOf(plant))) instanceof assert.AssertionError);
    });
  }
});
