import { type Delivery, type Message, type Receive, type Settlement, systemRuntime } from '@holdfast/core';
import type { Settings } from './consumer-options.ts';
import type { Bury } from './dead-letters.ts';
import { type Ending, endings } from './ending.ts';
import type { Routes } from './routes.ts';
import type { Stack } from './stack.ts';
import type { Tally } from './stats.ts';

export interface ReceptionOptions {
  readonly settings: Pick<Settings<never>, 'group' | 'unhandled' | 'runtime'>;
  readonly routes: Routes;
  readonly tally: Tally;
  readonly stack: Stack;
  readonly bury: Bury;
}

/** The outermost of the stack: counts, traces, finds the route, and makes a settlement of how it ended. */
export interface Reception {
  readonly receive: Receive;
  /** Of a message that no broker handed over: it is not stored when rejected. */
  receiveAlone(message: Message, attempt: number): Promise<Settlement>;
}

/** How many unknown types are remembered as logged. */
const maxLoggedTypes = 1_000;

export const createReception = ({ settings, routes, tally, stack, bury }: ReceptionOptions): Reception => {
  const { group, unhandled, runtime } = settings;
  const { trace, log } = runtime;
  const isTraced = trace !== systemRuntime.trace;
  const loggedTypes = new Set<string>();

  const handle = (delivery: Delivery): Promise<Ending> => {
    const route = routes.find(delivery.message.type);
    if (route === undefined) return Promise.resolve(turnDown(delivery));
    return isTraced ? trace(spanOf(delivery), () => stack(route, delivery)) : stack(route, delivery);
  };

  const turnDown = ({ message: { type }, topic }: Delivery): Ending => {
    if (unhandled === 'reject') {
      return { count: 'rejected', settlement: { outcome: 'reject', reason: `no_handler: for type '${type}'` } };
    }
    if (!loggedTypes.has(type) && loggedTypes.size < maxLoggedTypes) {
      loggedTypes.add(type);
      log.warn({ type, topic, group }, 'messages of this type are ignored: they have no handler in this group');
    }
    return endings.ignored;
  };

  return {
    receive: async (delivery) => {
      tally.begin();
      let ending: Ending = endings.handedBack;
      try {
        ending = await handle(delivery);
        return ending.settlement.outcome === 'reject' ? await bury(delivery, ending) : ending.settlement;
      } finally {
        tally.end(ending);
      }
    },
    receiveAlone: async (message, attempt) => {
      tally.begin();
      const topic = routes.find(message.type)?.contract.topic ?? 'none';
      const place = { topic, partition: 0, position: '0', token: 'none', signal: neverAborts };
      const ending = await handle({ message, group, attempt, ...place });
      tally.end(ending);
      return ending.settlement;
    },
  };
};

const neverAborts = new AbortController().signal;

const spanOf = ({ message, topic, partition, group, attempt }: Delivery) => ({
  name: 'handle',
  attributes: { id: message.id, type: message.type, topic, partition, group, attempt },
});
