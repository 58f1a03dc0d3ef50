import { InvalidOptionError } from './errors.ts';
import { requireWhole } from './require-whole.ts';
import type { SubscribeOptions } from './transport.ts';

/** What every adapter refuses before it speaks to its broker: throws `invalid_option` for what cannot be subscribed to. */
export const checkSubscribe = (topics: readonly string[], options: SubscribeOptions): void => {
  const { group, from, ordering = 'key', concurrency = 1, maxInFlight = 1 } = options;
  if (topics.length === 0 || topics.some((topic) => topic === '') || new Set(topics).size < topics.length) {
    throw new InvalidOptionError('topics', `found ${JSON.stringify(topics)}; expected at least one topic, each once`);
  }
  if (group === '') throw new InvalidOptionError('group', 'found an empty name; name the group');
  if (from !== 'earliest' && from !== 'latest') {
    throw new InvalidOptionError('from', `found ${JSON.stringify(from)}; expected "earliest" or "latest"`);
  }
  if (ordering !== 'key' && ordering !== 'none') {
    throw new InvalidOptionError('ordering', `found ${JSON.stringify(ordering)}; expected "key" or "none"`);
  }
  requireWhole('concurrency', concurrency, 1);
  requireWhole('maxInFlight', maxInFlight, 1);
};
