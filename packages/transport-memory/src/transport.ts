import {
  type Capabilities,
  ClosedError,
  checkPublish,
  type Message,
  PublishError,
  type Receive,
  type SubscribeOptions,
  type Subscription,
  type Transport,
} from '@holdfast/core';
import { createTransportLife } from '@holdfast/flow';
import { type MemoryTransportOptions, readOptions, type Settings } from './options.ts';
import { storeMessages } from './publish.ts';
import { startSubscription } from './subscribe.ts';
import { createGroup, ensureTopic, requireTopic } from './topics.ts';
import { memoryTopology } from './topology.ts';

const name = 'memory';

/**
 * The reference transport: topics, groups and messages in this process, with every promise but durability.
 * For tests, development and single processes that can lose what they hold. Bounded: see `capacity`, `overflow`, `retain`.
 */
export const memoryTransport = (options: MemoryTransportOptions = {}): Transport => {
  const settings = readOptions(options);
  const life = createTransportLife(name, settings.runtime.clock);
  const stopped = new AbortController();
  const topology = memoryTopology(settings, life.requireOpen);

  const publish: Transport['publish'] = async (topic, messages, { signal } = {}) => {
    const target = orRefuse(topic, messages, () => {
      signal?.throwIfAborted();
      topology.declare();
      return requireTopic(settings.broker, topic);
    });
    checkPublish(topic, messages, settings.maxBodyBytes);
    const waiting = (): AbortSignal => (signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal);
    await storeMessages(settings, target, messages, waiting);
  };

  const subscribe = async (
    topics: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<Subscription> => {
    topology.declare();
    const targets = topics.map((topic) => ensureTopic(settings, topic));
    for (const topic of targets) createGroup(topic, subscribing.group, subscribing.from);
    return startSubscription({
      name,
      settings,
      topics: targets,
      receive,
      options: subscribing,
      deadLetter: (message, deadTopic) =>
        storeMessages(settings, ensureTopic(settings, deadTopic), [message], () => stopped.signal),
    });
  };

  return life.transport({
    ...{ capabilities: capabilitiesOf(settings), topology, publish, subscribe },
    drain: async () => {},
    letGo: () => stopped.abort(new ClosedError(`transport '${name}'`)),
  });
};

const capabilitiesOf = ({ maxBodyBytes }: Settings): Capabilities => ({
  durable: false,
  replay: true,
  seek: true,
  failsSuffix: true,
  maxHoldMs: Number.MAX_SAFE_INTEGER,
  maxBodyBytes,
  balances: false,
});

const orRefuse = <T>(topic: string, messages: readonly Message[], check: () => T): T => {
  try {
    return check();
  } catch (error) {
    throw PublishError.all(topic, messages, { outcome: 'failed', error });
  }
};
