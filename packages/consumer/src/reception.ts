import { type Delivery, type Message, type Receive, type Settlement, type Span, systemRuntime } from '@holdfast/core';
import type { Settings } from './consumer-options.ts';
import type { Bury } from './dead-letters.ts';
import { type Ending, endings } from './ending.ts';
import type { Routes } from './routes.ts';
import type { Stack } from './stack.ts';
import type { Tally } from './stats.ts';
import { whyUnreadable } from './unreadable.ts';
import type { Vitals } from './vitals.ts';

export interface ReceptionOptions {
  readonly settings: Pick<Settings<never>, 'group' | 'unhandled' | 'runtime'> & { readonly database?: unknown };
  readonly routes: Routes;
  readonly tally: Tally;
}

/** The outermost of the stack: counts, traces, finds the route, and makes a settlement of how it ended. */
export interface Reception {
  /** Everything that comes from outside passes one of these. */
  receiver(stack: Stack, conclude: Bury, vitals: Vitals, onUnreadable?: OnUnreadable): Receive;
  /** For a message that no broker handed over. */
  deliveryOf(message: Message, attempt: number): Delivery;
}

/** What becomes of a message that its topic could not read. Default: it is rejected. */
export type OnUnreadable = (delivery: Delivery, reason: string) => Promise<Ending>;

/** How many unknown types are remembered as logged. */
const maxLoggedTypes = 1_000;

export const createReception = ({ settings, routes, tally }: ReceptionOptions): Reception => {
  const { group, unhandled, runtime, database } = settings;
  const { trace, log } = runtime;
  const isTraced = trace !== systemRuntime.trace;
  const loggedTypes = new Set<string>();

  const handle = (stack: Stack, delivery: Delivery, onUnreadable: OnUnreadable): Promise<Ending> => {
    const unreadable = database === undefined ? undefined : whyUnreadable(delivery.message);
    if (unreadable !== undefined) return onUnreadable(delivery, unreadable);
    const route = routes.find(delivery.message.type);
    if (route === undefined) return Promise.resolve(turnDown(delivery));
    return isTraced ? trace(spanOf(delivery), () => stack(route, delivery)) : stack(route, delivery);
  };

  const turnDown = ({ message: { type }, topic }: Delivery): Ending => {
    if (unhandled === 'reject') {
      return rejecting(`no_handler: for type '${type}'`);
    }
    if (!loggedTypes.has(type) && loggedTypes.size < maxLoggedTypes) {
      loggedTypes.add(type);
      log.warn({ type, topic, group }, 'messages of this type are ignored: they have no handler in this group');
    }
    return endings.ignored;
  };

  return {
    receiver:
      (stack, conclude, vitals, onUnreadable = rejectUnreadable) =>
      async (delivery) => {
        tally.begin();
        vitals.begin();
        let ending = endings.handedBack;
        try {
          ending = await handle(stack, delivery, onUnreadable);
          const { settlement } = ending;
          return settlement.outcome === 'ack' ? settlement : await conclude(delivery, ending);
        } finally {
          tally.end(ending);
          vitals.end(ending);
        }
      },
    deliveryOf: (message, attempt) => {
      const topic = routes.find(message.type)?.contract.topic ?? 'none';
      return { message, topic, group, attempt, partition: 0, position: '0', token: 'none', signal: neverAborts };
    },
  };
};

const rejecting = (reason: string): Ending => ({ count: 'rejected', settlement: { outcome: 'reject', reason } });

const rejectUnreadable: OnUnreadable = async (_delivery, reason) => rejecting(reason);

const neverAborts = new AbortController().signal;

const spanOf = ({ message, topic, partition, group, attempt }: Delivery): Span => ({
  name: 'handle',
  attributes: { id: message.id, type: message.type, topic, partition, group, attempt },
});

/** For receivers whose rejections go nowhere. */
export const noBurial: Bury = async (_delivery: Delivery, { settlement }: Ending): Promise<Settlement> => settlement;
