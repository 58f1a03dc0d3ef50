import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertHistory, type Child, eventually, openHistory, readHistory, spawnChild } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const partitions = 6;
const keys = 30;

describe('a group of several processes on RabbitMQ', function () {
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let folder: string;
  let children: Child[];
  before(async () => {
    rabbit = await openTestRabbit();
    folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
  });
  beforeEach(() => {
    children = [];
  });
  afterEach(() => Promise.all(children.map((child) => child.close())));
  after(async () => {
    await rabbit.close();
    rmSync(folder, { recursive: true });
  });

  const stage = async () => {
    const topic = rabbit.name('topic');
    const file = join(folder, `${topic}.jsonl`);
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions, groups: { workers: 'latest' } } } });
    const history = openHistory(file);
    let next = 0;
    const lag = async () => (await transport.topology.describe(topic)).groups[0]?.lag;
    /** What a process holds unacked is not to be seen from here: so every message must also have had its effect. */
    const effects = () => new Set(readHistory(file).flatMap((entry) => (entry.f === 'effect' ? [entry.id] : [])));
    return {
      file,
      start: async (): Promise<Child> => {
        // A dead connection is found in two or three seconds by either side.
        const url = `${rabbit.url}?heartbeat=1`;
        const child = spawnChild(new URL('children/consumer.ts', import.meta.url), [url, topic, 'workers', file]);
        children.push(child);
        await child.saw({ ready: true });
        return child;
      },
      /** Publishes so many messages of each key, numbered on. */
      publish: async (each: number): Promise<void> => {
        for (let round = 0; round < each; round++, next++) {
          const seq = next;
          const messages = Array.from({ length: keys }, (_, key) => messageOf(`key-${key}-${seq}`, `key-${key}`));
          await transport.publish(topic, messages);
          for (const { id, key = '' } of messages) history.record({ f: 'publish', type: 'ok', id, key, seq });
        }
      },
      drained: (): Promise<void> =>
        eventually(
          async () => {
            assert.equal(await lag(), 0);
            assert.equal(effects().size, next * keys);
          },
          { timeoutMs: 30_000, everyMs: 100 },
        ),
    };
  };

  const owned = async (child: Child): Promise<number> => {
    const before = child.lines.length;
    child.tell({ owned: true });
    await eventually(() => assert.ok(child.lines.slice(before).some((line) => 'owned' in line)));
    return Number(child.lines.slice(before).findLast((line) => 'owned' in line)?.owned);
  };

  it('P2, P3: processes share evenly, hand over in order, and are taken over when they are killed', async () => {
    const on = await stage();
    const victim = await on.start();
    const publishing = on.publish(60);
    const second = await on.start();
    await eventually(async () => assert.deepEqual([await owned(victim), await owned(second)], [3, 3]));
    victim.signal('SIGKILL');
    await victim.ended;
    await eventually(async () => assert.equal(await owned(second), partitions));
    const third = await on.start();
    await eventually(async () => assert.deepEqual([await owned(second), await owned(third)], [3, 3]));
    await publishing;
    second.tell({ close: true });
    await second.ended;
    await on.drained();
    // In flight were at most 60, and of what is settled the last acks may be lost.
    assertHistory(readHistory(on.file), { maxDuplicates: 120 });
  });

  it('P3: a process that was stopped past its connection is taken over, ends its claims when it wakes up, and gets its share back', async () => {
    const on = await stage();
    const sleeper = await on.start();
    await on.publish(30);
    await sleeper.saw({ handled: 50 });
    sleeper.signal('SIGSTOP');
    const other = await on.start();
    await eventually(async () => assert.equal(await owned(other), partitions), { timeoutMs: 20_000 });
    await on.drained();
    await on.publish(10);
    sleeper.signal('SIGCONT');
    await sleeper.saw((line) => 'revoked' in line);
    await on.publish(10);
    await on.drained();
    assertHistory(readHistory(on.file), { maxDuplicates: 120 });
    await eventually(async () => assert.equal(await owned(sleeper), 3));
  });
});
