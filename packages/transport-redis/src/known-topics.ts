import type { Topic } from './topic.ts';
import type { Topics } from './topics.ts';

/** Calls `use` with the topic of that name, in call order. Rejects where the topic is not known, or nothing can be published. */
export type WithTopic = <T>(name: string, use: (topic: Topic) => Promise<T>) => Promise<T>;

interface Waiting {
  calls: number;
  readonly topic: Promise<Topic>;
}

/**
 * Gives each call its topic, and keeps calls in order: one that finds its topic known does not overtake those that still
 * wait to learn of it.
 */
export const createKnownTopics = (topics: Topics, prepare: () => Promise<void>): WithTopic => {
  const waiting = new Map<string, Waiting>();
  let prepared = false;

  const lookUp = async (name: string): Promise<Topic> => {
    await prepare();
    prepared = true;
    return topics.require(name);
  };

  return async (name, use) => {
    const known = prepared && !waiting.has(name) ? topics.known(name) : undefined;
    if (known !== undefined) return use(known);
    const mine = waiting.get(name) ?? { calls: 0, topic: lookUp(name) };
    waiting.set(name, mine);
    mine.calls++;
    let going: ReturnType<typeof use>;
    try {
      // Whoever waits for the same promise goes on in the order in which they came.
      going = use(await mine.topic);
    } finally {
      mine.calls--;
      if (mine.calls === 0) waiting.delete(name);
    }
    return going;
  };
};
