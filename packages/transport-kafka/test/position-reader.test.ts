import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { createVirtualClock, silentLog } from '@holdfast/core';
import { Kafka, logLevel } from 'kafkajs';
import { kafkajsDriver } from '../src/kafkajs-driver.ts';
import { readOptions } from '../src/options.ts';
import { createPositionReader } from '../src/position-reader.ts';

describe('reading where a group goes on, of a Kafka that is not there', () => {
  it('is tried again until the partition is no longer wanted', async () => {
    const clock = createVirtualClock();
    const brokers = ['127.0.0.1:1'];
    const settings = readOptions({ brokers, runtime: { clock, log: silentLog } });
    const client = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
    const link = kafkajsDriver(async () => client).link();
    const read = createPositionReader({
      ...{ link, settings, group: 'billing', starts: new Map(), commit: async () => {} },
    });
    const wanted = new AbortController();
    const topic = { name: 'orders', wireName: 'orders', partitions: 1, leaders: [1] };
    let over: unknown;
    read(topic, 0, wanted.signal).catch((error: unknown) => {
      over = error;
    });
    for (let tries = 0; tries < 3; tries++) {
      await turn();
      await clock.advance(500);
    }
    assert.equal(over, undefined);
    wanted.abort(new Error('no longer ours'));
    await clock.advance(500);
    assert.match(String(over), /no longer ours/);
    link.close();
  });
});
