import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Transport } from '@holdfast/core';
import {
  assertHistory,
  type Child,
  eventually,
  openHistory,
  readHistory,
  sharedKafka,
  spawnChild,
} from '../../harness/index.ts';
import { type KafkaWorld, kafkaWorld, messageOf } from './kafka-world.ts';

const partitions = 6;
const keys = 30;

describe('a group of several processes on Kafka', function () {
  this.timeout(60_000);
  let world: KafkaWorld;
  let broker: string;
  let folder: string;
  let children: Child[];
  before(async () => {
    const { brokers } = await sharedKafka();
    broker = brokers[0] ?? '';
    world = kafkaWorld(brokers);
    folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
  });
  beforeEach(() => {
    children = [];
  });
  afterEach(() => Promise.all(children.map((child) => child.close())));
  after(async () => {
    await world.close();
    rmSync(folder, { recursive: true });
  });

  interface Stage {
    readonly transport: Transport;
    readonly file: string;
    start(): Promise<Child>;
    /** Publishes so many messages of each key, numbered on. */
    publish(each: number): Promise<void>;
    lag(): Promise<number>;
  }

  const stage = async (): Promise<Stage> => {
    const topic = `processes-${crypto.randomUUID()}`;
    const group = `workers-of-${topic}`;
    const file = join(folder, `${topic}.jsonl`);
    const transport = world.open();
    await transport.topology.apply({ topics: { [topic]: { partitions, groups: { [group]: 'earliest' } } } });
    const history = openHistory(file);
    let next = 0;
    return {
      transport,
      file,
      start: async () => {
        const child = spawnChild(new URL('children/consumer.ts', import.meta.url), [broker, topic, group, file]);
        children.push(child);
        await child.saw({ ready: true });
        return child;
      },
      publish: async (each) => {
        for (let round = 0; round < each; round++, next++) {
          const seq = next;
          const messages = Array.from({ length: keys }, (_, key) => messageOf(`key-${key}-${seq}`, `key-${key}`));
          await transport.publish(topic, messages);
          for (const { id, key = '' } of messages) history.record({ f: 'publish', type: 'ok', id, key, seq });
        }
      },
      lag: async () => (await transport.topology.describe(topic)).groups[0]?.lag ?? Number.NaN,
    };
  };

  const drained = (on: Stage): Promise<void> =>
    eventually(async () => assert.equal(await on.lag(), 0), { timeoutMs: 30_000, everyMs: 50 });

  const owned = async (child: Child): Promise<number> => {
    const before = child.lines.length;
    child.tell({ owned: true });
    await eventually(() => assert.ok(child.lines.slice(before).some((line) => 'owned' in line)));
    return Number(child.lines.slice(before).findLast((line) => 'owned' in line)?.owned);
  };

  it('P3: two processes share the partitions evenly, keep order, and hand over to each other', async () => {
    const on = await stage();
    const first = await on.start();
    const publishing = on.publish(40);
    const second = await on.start();
    await eventually(async () => assert.deepEqual([await owned(first), await owned(second)], [3, 3]));
    await publishing;
    first.tell({ close: true });
    await first.ended;
    await on.publish(5);
    await drained(on);
    assert.equal(await owned(second), partitions);
    // At each of two hand-overs, what was settled past a message that had not started is delivered again.
    assertHistory(readHistory(on.file), { maxDuplicates: 120 });
  });

  it('P2: a process that is killed is taken over within seconds; its copies are few', async () => {
    const on = await stage();
    const victim = await on.start();
    const heir = await on.start();
    const publishing = on.publish(60);
    await victim.saw({ handled: 100 });
    victim.signal('SIGKILL');
    await victim.ended;
    await eventually(async () => assert.equal(await owned(heir), partitions), { timeoutMs: 10_000 });
    await publishing;
    await drained(on);
    // In flight were at most 60; settled and not committed is what was done since the last commit.
    assertHistory(readHistory(on.file), { maxDuplicates: 400 });
  });

  it('P3: a process that was stopped past its session starts nothing and moves nothing when it wakes up', async () => {
    const on = await stage();
    const sleeper = await on.start();
    await on.publish(30);
    await sleeper.saw({ handled: 50 });
    sleeper.signal('SIGSTOP');
    await on.start();
    await drained(on);
    await on.publish(10);
    sleeper.signal('SIGCONT');
    await sleeper.saw((line) => 'revoked' in line);
    await on.publish(10);
    await drained(on);
    assertHistory(readHistory(on.file), { maxDuplicates: 400 });
    // It is no spare: its share comes back to it.
    await eventually(async () => assert.equal(await owned(sleeper), 3));
  });
});
