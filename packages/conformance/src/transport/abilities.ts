import assert from 'node:assert/strict';
import {
  explain,
  explainCapabilities,
  InvalidOptionError,
  isHoldfastError,
  type SubscribeOptions,
} from '@holdfast/core';
import { messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** P9: honest abilities, and options that cannot work. */
export const abilities: readonly TestCase<TransportBench>[] = [
  {
    name: 'P9: the transport declares the capabilities that the suite was told',
    run: async (bench) => {
      const transport = await bench.open();
      assert.deepEqual(transport.capabilities, bench.capabilities);
      assert.notEqual(transport.name, '');
    },
  },
  {
    name: 'P9: explain says what the topic is, and of each capability what it means',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 3, groups: { [group]: 'latest' } });
      await transport.publish(topic, messagesOf(5, 2));
      const parts = [transport.name, topic, `'${group}' has 5 messages`, `'${topic}.dead'`, '% 3'];
      await bench.eventually(async () => {
        const text = await explain(transport, topic);
        for (const part of [...parts, ...Object.values(explainCapabilities(bench.capabilities))]) {
          assert.ok(text.includes(part), `not a word of ${part} in: ${text}`);
        }
      });
    },
  },
  {
    name: 'P9: an option that cannot work is refused by its name',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const receive = createWitness().receive();
      const subscribe = (topics: readonly string[], wrong: object): Promise<unknown> =>
        transport.subscribe(topics, receive, { group: 'g', from: 'latest', ...wrong } as SubscribeOptions);
      const wrongs: readonly (readonly [string, object])[] = [
        ['group', { group: '' }],
        ['from', { from: 'middle' }],
        ['concurrency', { concurrency: 0 }],
        ['concurrency', { concurrency: 1.5 }],
        ['maxInFlight', { maxInFlight: -1 }],
        ['ordering', { ordering: 'some' }],
      ];
      for (const [option, wrong] of wrongs) await assert.rejects(subscribe([topic], wrong), refusedFor(option));
      await assert.rejects(subscribe([], {}), refusedFor('topics'));
      await assert.rejects(subscribe([topic, topic], {}), refusedFor('topics'));
    },
  },
];

const refusedFor =
  (option: string) =>
  (error: unknown): boolean => {
    assert.ok(isHoldfastError(error, 'invalid_option'), `expected an error about '${option}', found ${error}`);
    assert.equal(error instanceof InvalidOptionError && error.option, option);
    return true;
  };
