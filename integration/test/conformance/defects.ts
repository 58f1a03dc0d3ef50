import { ack, ClosedError, type Transport } from '@holdfast/core';
import { receiving, settling, withOptions, withSubscription } from './plant.ts';

/** A defect that an adapter could have, and the test of the suite that must find it. */
export interface Defect {
  readonly defect: string;
  readonly foundBy: string;
  /** What is different in a transport that has it. `state` is shared by the transports of one broker. */
  readonly plant: (transport: Transport, state: Set<string>) => Partial<Transport>;
}

const randomly = (mostMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * mostMs));

export const defects: readonly Defect[] = [
  {
    defect: 'publish resolves before its messages are stored',
    foundBy: 'P2: a group that starts at the latest sees only what is published after subscribe has resolved',
    plant: (transport) => ({
      publish: async (topic, messages) => {
        setTimeout(() => void transport.publish(topic, messages), 20);
      },
    }),
  },
  {
    defect: 'publishes overtake one another',
    foundBy: 'P1: publishes of one partition are stored in the order of the calls, without waiting for one another',
    plant: (transport) => ({
      publish: async (topic, messages) => {
        await randomly(20);
        await transport.publish(topic, messages);
      },
    }),
  },
  {
    defect: 'a body above the limit is dropped',
    foundBy: 'P1: a body above the limit is refused by name before anything is sent; the others may be sent again',
    plant: (transport) => ({
      publish: (topic, messages, options) =>
        transport.publish(
          topic,
          messages.filter(({ body }) => body.length <= transport.capabilities.maxBodyBytes),
          options,
        ),
    }),
  },
  {
    defect: 'a publish makes the topic that it does not find',
    foundBy: 'P1: a publish to an unknown topic is refused for every message, and makes no topic',
    plant: (transport) => ({
      publish: async (topic, messages, options) => {
        await transport.topology.apply({ topics: { [topic]: {} } });
        await transport.publish(topic, messages, options);
      },
    }),
  },
  {
    defect: 'every new group starts at the earliest',
    foundBy: 'P2: a group that starts at the latest sees only what is published after subscribe has resolved',
    plant: (transport) => withOptions(transport, { from: 'earliest' }),
  },
  {
    defect: 'a message is acked before it is handled',
    foundBy: 'P2: a message without a settlement is delivered again after its subscription was closed',
    plant: (transport) =>
      receiving(transport, (receive) => async (delivery) => {
        void receive(delivery);
        return ack;
      }),
  },
  {
    defect: 'a close settles what it did not hand over',
    foundBy: 'P2: a message that waits for its retry is delivered again after a close',
    plant: (transport) =>
      withSubscription(transport, (subscription, topics, { group }) => ({
        close: async (options) => {
          await subscription.close(options);
          for (const topic of topics) await transport.topology.seek(topic, group, 'latest');
        },
      })),
  },
  {
    defect: 'what was handed over once is left out for ever, handled or not',
    foundBy: 'P2: a message that waits for its retry is delivered again after a close',
    plant: (transport, seen) =>
      receiving(transport, (receive) => async (delivery) => {
        if (seen.has(delivery.message.id)) return ack;
        seen.add(delivery.message.id);
        return receive(delivery);
      }),
  },
  {
    defect: 'a receive that throws is an ack',
    foundBy: 'P2: a receive that throws is no ack: the message comes again',
    plant: (transport) => receiving(transport, (receive) => (delivery) => receive(delivery).catch(() => ack)),
  },
  {
    defect: 'a retry goes to the end of its topic',
    foundBy: 'P3: order holds through retries',
    plant: (transport) =>
      receiving(transport, (receive) => async (delivery) => {
        const settlement = await receive(delivery);
        if (settlement.outcome !== 'retry') return settlement;
        await transport.publish(delivery.topic, [delivery.message]);
        return ack;
      }),
  },
  {
    defect: 'a retry does not wait for its delay',
    foundBy: 'P3: a retry comes not before its delay, and counts its attempts',
    plant: (transport) => settling(transport, (one) => (one.outcome === 'retry' ? { ...one, delayMs: 0 } : one)),
  },
  {
    defect: 'a retry always counts',
    foundBy: 'P3: a retry that is not spent does not count an attempt',
    plant: (transport) => settling(transport, (one) => (one.outcome === 'retry' ? { ...one, spent: true } : one)),
  },
  {
    defect: 'keys are not kept in order',
    foundBy: 'P3: the messages of a key come one after another while several keys run at once',
    plant: (transport) => withOptions(transport, { ordering: 'none' }),
  },
  {
    defect: 'all claims have the same token',
    foundBy: 'P3: each claim on a partition has another token, and its deliveries carry it',
    plant: (transport) => receiving(transport, (receive) => (delivery) => receive({ ...delivery, token: '1' })),
  },
  {
    defect: 'a subscriber is not told what it is given',
    foundBy: 'P3: onAssigned is awaited before the first delivery of its partition',
    plant: (transport) => withOptions(transport, { onAssigned: undefined }),
  },
  {
    defect: 'a subscriber is not told what it loses',
    foundBy:
      'P3: onRevoked is told of each claim after its deliveries have ended, before anybody else gets the partition',
    plant: (transport) => withOptions(transport, { onRevoked: undefined }),
  },
  {
    defect: 'more run at once than was allowed',
    foundBy: 'P5: `concurrency` deliveries run at once, never more',
    plant: (transport) => withOptions(transport, { concurrency: 4 }),
  },
  {
    defect: 'what is out has no bound',
    foundBy: 'P5: no more than `maxInFlight` messages are out, waiting retries included',
    plant: (transport) => withOptions(transport, { maxInFlight: 1_000 }),
  },
  {
    defect: 'what passes an unsettled message has no bound',
    foundBy: 'P8: past an unsettled message at most `maxInFlight` of its partition are handed over',
    plant: (transport) => withOptions(transport, { maxInFlight: 1_000 }),
  },
  {
    defect: 'one reason resumed resumes them all',
    foundBy: 'P5: a paused subscription is handed nothing until every reason has been resumed',
    plant: (transport) =>
      withSubscription(transport, (subscription) => {
        const reasons: string[] = [];
        return {
          pause: (reason) => {
            reasons.push(reason);
            subscription.pause(reason);
          },
          resume: () => {
            for (const reason of reasons) subscription.resume(reason);
          },
        };
      }),
  },
  {
    defect: 'a close lets nothing end',
    foundBy: 'P7: close lets what runs end, settles it, and starts nothing new',
    plant: (transport) => withSubscription(transport, ({ close }) => ({ close: () => close({ deadlineMs: 0 }) })),
  },
  {
    defect: 'a close does not end by its deadline',
    foundBy: 'P7: a handler that hangs is abandoned at the deadline: its signal aborts, and the log says so',
    plant: (transport) => withSubscription(transport, ({ close }) => ({ close: () => close({ deadlineMs: 500 }) })),
  },
  {
    defect: 'a rejected message is acked and gone',
    foundBy: 'P8: a rejected message goes to the dead topic with its reason and history, and leaves the group',
    plant: (transport) => settling(transport, (one) => (one.outcome === 'reject' ? ack : one)),
  },
  {
    defect: 'a rejected dead letter is acked and gone',
    foundBy:
      'P2: a dead letter that is rejected stays in the dead topic, and comes to the next subscription of its group',
    plant: (transport) =>
      receiving(transport, (receive) => async (delivery) => {
        const settlement = await receive(delivery);
        return settlement.outcome === 'reject' && delivery.topic.endsWith('.dead') ? ack : settlement;
      }),
  },
  {
    defect: 'a long retry of a message without a key is acked and lost',
    foundBy: 'P2: a message without a key that waits for the longest retry is delivered again after a close',
    plant: (transport) =>
      receiving(transport, (receive) => async (delivery) => {
        const settlement = await receive(delivery);
        const isLong = settlement.outcome === 'retry' && settlement.delayMs > 60_000;
        return isLong && delivery.message.key === undefined ? ack : settlement;
      }),
  },
  {
    defect: 'the signal of a delivery aborts only where its subscription is closed',
    foundBy: 'P7: a transport that closes aborts, by its deadline, the signals of what still runs',
    plant: (transport) => {
      const closing = new AbortController();
      const { signal } = closing;
      const deaf = { ...transport, ...receiving(transport, (receive) => (one) => receive({ ...one, signal })) };
      return withSubscription(deaf, ({ close }) => ({
        close: (how) => {
          closing.abort();
          return close(how);
        },
      }));
    },
  },
  {
    defect: 'nothing can be published once a close has begun',
    foundBy: 'P7: a transport that closes lets what it is handling publish',
    plant: (transport) => {
      let closed = false;
      return {
        publish: async (...publishing) => {
          if (closed) throw new ClosedError('the transport');
          await transport.publish(...publishing);
        },
        close: (how) => {
          closed = true;
          return transport.close(how);
        },
      };
    },
  },
  {
    defect: 'another number of partitions is passed over in silence',
    foundBy: 'P9: apply and plan refuse another number of partitions, and make nothing else of that request',
    plant: (transport) => ({
      topology: { ...transport.topology, apply: (request) => transport.topology.apply(request).catch(() => {}) },
    }),
  },
  {
    defect: 'capabilities are not what the transport can do',
    foundBy: 'P9: the transport declares the capabilities that the suite was told',
    plant: (transport) => ({ capabilities: { ...transport.capabilities, durable: true } }),
  },
];
