import assert from 'node:assert/strict';
import { createTopicHealths } from '../src/topic-health.ts';

describe('the health of a topic', () => {
  it('says whether anything of it was confirmed since', () => {
    const healthOf = createTopicHealths();
    const health = healthOf('topic');
    const since = health.now();
    healthOf('other').succeeded();
    assert.equal(health.hasSucceededSince(since), false);
    health.succeeded();
    assert.equal(health.hasSucceededSince(since), true);
    assert.equal(health.hasSucceededSince(health.now()), false);
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
