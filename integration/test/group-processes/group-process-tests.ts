import assert from 'node:assert/strict';
import type { Transport } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { type GroupStage, type GroupStageOptions, openGroupStage, partitions } from './group-stage.ts';
import { sharesOf } from './shares-of.ts';

/** A broker as an adapter's own tests open it. */
export interface OpenBroker extends Pick<GroupStageOptions, 'consumerArgs'> {
  open(): Transport;
  /** Closes the transports, too. */
  close(): Promise<void>;
}

export interface GroupProcessTestsOptions extends Pick<GroupStageOptions, 'consumer' | 'lagCounts'> {
  /** In the title. */
  readonly name: string;
  /** What a process loses that stands still. */
  readonly claim: 'session' | 'lease' | 'connection';
  /** How many copies each test allows. */
  readonly maxDuplicates: { readonly handOver: number; readonly killed: number; readonly stopped: number };
  openBroker(): Promise<OpenBroker>;
}

/** What a group of real processes promises on every broker. */
export const groupProcessTests = (options: GroupProcessTestsOptions): void => {
  const { name, claim, consumer, lagCounts, maxDuplicates } = options;
  describe(`a group of several processes on ${name}`, function () {
    this.timeout(60_000);
    let broker: OpenBroker;
    const stages: GroupStage[] = [];
    before(async () => {
      broker = await options.openBroker();
    });
    afterEach(() => Promise.all(stages.splice(0).map((stage) => stage.close())));
    after(() => broker.close());

    const stage = async (): Promise<GroupStage> => {
      const { consumerArgs } = broker;
      const opened = await openGroupStage({ transport: broker.open(), consumer, consumerArgs, lagCounts });
      stages.push(opened);
      return opened;
    };

    it('P3: two processes share the partitions evenly, keep order, and hand over to each other', async () => {
      const on = await stage();
      const first = await on.start();
      const publishing = on.publish(40);
      const second = await on.start();
      await eventually(async () => assert.deepEqual(await sharesOf(first, second), [3, 3]));
      await publishing;
      first.tell({ close: true });
      await first.ended;
      await on.publish(5);
      await on.drained();
      assert.deepEqual(await sharesOf(second), [partitions]);
      on.check({ maxDuplicates: maxDuplicates.handOver });
    });

    it('P2: a process that is killed is taken over within seconds, and whoever joins then gets its share; copies are few', async () => {
      const on = await stage();
      const victim = await on.start();
      const heir = await on.start();
      const publishing = on.publish(60);
      await victim.saw({ handled: 100 });
      victim.signal('SIGKILL');
      await victim.ended;
      await eventually(async () => assert.deepEqual(await sharesOf(heir), [partitions]), { timeoutMs: 10_000 });
      const third = await on.start();
      await eventually(async () => assert.deepEqual(await sharesOf(heir, third), [3, 3]));
      await publishing;
      await on.drained();
      on.check({ maxDuplicates: maxDuplicates.killed });
    });

    it(`P3: a process that was stopped past its ${claim} is taken over, disturbs nothing when it wakes up, and gets its share back`, async () => {
      const on = await stage();
      const sleeper = await on.start();
      await on.publish(30);
      await sleeper.saw({ handled: 50 });
      sleeper.signal('SIGSTOP');
      const other = await on.start();
      await eventually(async () => assert.deepEqual(await sharesOf(other), [partitions]), { timeoutMs: 20_000 });
      await on.drained();
      await on.publish(10);
      sleeper.signal('SIGCONT');
      await sleeper.saw((line) => 'revoked' in line);
      await on.publish(10);
      await on.drained();
      on.check({ maxDuplicates: maxDuplicates.stopped });
      await eventually(async () => assert.deepEqual(await sharesOf(sleeper, other), [3, 3]));
    });
  });
};
