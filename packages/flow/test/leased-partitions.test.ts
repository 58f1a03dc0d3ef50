import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { type Assignment, createVirtualClock, isHoldfastError, silentLog } from '@holdfast/core';
import { createAnnouncer, createLeasedPartitions, type IntakePartition, type Lease } from '@holdfast/flow';

const topic = { name: 't' };

const leaseOf = (slot: number) => {
  const controller = new AbortController();
  const lease: Lease = {
    ...{ slot, epoch: `${slot}1`, owner: 'me', takenOver: false, deaths: 0, signal: controller.signal },
    holds: () => !controller.signal.aborted,
  };
  return { lease, end: () => controller.abort(new Error('its time is over')) };
};

const setUp = (take: () => Promise<void> = async () => {}) => {
  const done: string[] = [];
  const note =
    (what: string) =>
    async ({ partition }: Assignment): Promise<void> =>
      void done.push(`${what} ${partition}`);
  const clock = createVirtualClock();
  const partitions = createLeasedPartitions({
    announcer: createAnnouncer(
      { group: 'g', onAssigned: note('assigned'), onRevoked: note('revoked') },
      { clock, log: silentLog },
    ),
    take: async (of: typeof topic, lease) => {
      await take();
      return (assignment) => {
        done.push(`made ${lease.slot}`);
        const taken: IntakePartition = {
          ...{ push: () => {}, room: () => 0, position: undefined, inFlight: 0 },
          revoke: async () => {
            done.push(`drained ${lease.slot}`);
            return 0;
          },
          abandon: () => void done.push(`abandoned ${lease.slot}`),
        };
        return { topic: of, lease, assignment, taken };
      };
    },
    flush: async ({ lease }) => void done.push(`flushed ${lease.slot}`),
    onChange: () => {},
    drained: new Promise(() => {}),
  });
  return { partitions, done, clock };
};

describe('partitions that are owned by leases', () => {
  it('are announced before they are read, and drained, revoked and flushed before they go', async () => {
    const { partitions, done } = setUp();
    const { lease } = leaseOf(3);
    await partitions.acquire(topic, lease);
    assert.equal(partitions.find({ topic: 't', partition: 3, token: '31' })?.lease, lease);
    assert.equal(partitions.find({ topic: 't', partition: 3, token: '30' }), undefined);
    await partitions.release(topic, lease, new AbortController().signal);
    assert.deepEqual(done, ['assigned 3', 'made 3', 'drained 3', 'revoked 3', 'flushed 3']);
    assert.deepEqual(partitions.owned, []);
  });

  it('are refused, so that the lease goes back, when its deadline had passed before they were noted', async () => {
    const { partitions, done } = setUp();
    const { lease } = leaseOf(4);
    const late: Lease = { ...lease, holds: () => false };
    await assert.rejects(partitions.acquire(topic, late), (error) => isHoldfastError(error, 'lease_lost'));
    assert.deepEqual(done, ['assigned 4', 'revoked 4']);
    assert.deepEqual(partitions.owned, []);
  });

  it('P3: are abandoned and not flushed when they are lost', async () => {
    const { partitions, done } = setUp();
    const { lease } = leaseOf(2);
    await partitions.acquire(topic, lease);
    partitions.lose(topic, lease);
    await setImmediate();
    assert.deepEqual(done, ['assigned 2', 'made 2', 'abandoned 2', 'revoked 2']);
  });

  it('P3: are not read when the lease ended meanwhile', async () => {
    const { lease, end } = leaseOf(1);
    const { partitions, done } = setUp(async () => end());
    await partitions.acquire(topic, lease);
    assert.deepEqual(partitions.owned, []);
    assert.ok(!done.some((what) => what.startsWith('made')));
  });
});

describe('an announcer', () => {
  it('calls a failed onAssigned again until it works, and revokes only what was announced', async () => {
    const clock = createVirtualClock();
    const calls: string[] = [];
    const announcer = createAnnouncer(
      {
        group: 'g',
        onAssigned: () => {
          calls.push('assigned');
          if (calls.length < 3) throw new Error('not yet');
        },
        onRevoked: () => void calls.push('revoked'),
      },
      { clock, log: silentLog },
    );
    const assignment = { topic: 't', partition: 0, token: '1' };
    const { signal } = new AbortController();
    await announcer.revoked(assignment, signal);
    assert.deepEqual(calls, []);
    const assigned = announcer.assigned(assignment, signal);
    await clock.advance(2_500);
    assert.equal(await assigned, true);
    await announcer.revoked(assignment, signal);
    await announcer.revoked(assignment, signal);
    assert.deepEqual(calls, ['assigned', 'assigned', 'assigned', 'revoked']);
  });
});
