import assert from 'node:assert/strict';
import { createTopicHealths } from '../src/topic-health.ts';

describe('the health of a topic', () => {
  it('is an outage when others failed too and nothing was confirmed', () => {
    const health = createTopicHealths()('topic');
    const [a, b] = [{}, {}];
    const since = health.now();
    health.failed(a);
    assert.equal(health.isOutage(a, since), false);
    health.failed(b);
    assert.deepEqual([health.isOutage(a, since), health.isOutage(b, since)], [true, true]);
    health.succeeded();
    assert.deepEqual([health.isOutage(a, since), health.isOutage(b, since)], [false, false]);
  });

  it('asks about the time since the last failure of the row', () => {
    const health = createTopicHealths()('topic');
    const [a, b] = [{}, {}];
    health.failed(b);
    health.failed(a);
    const since = health.now();
    health.failed(a);
    assert.equal(health.isOutage(a, since), false);
    health.failed(b);
    health.failed(a);
    assert.equal(health.isOutage(a, since), true);
  });

  it('is kept for a bounded number of topics', () => {
    const healthOf = createTopicHealths(2);
    const first = healthOf('a');
    assert.equal(healthOf('a'), first);
    healthOf('b');
    healthOf('c');
    assert.notEqual(healthOf('a'), first);
  });
});
