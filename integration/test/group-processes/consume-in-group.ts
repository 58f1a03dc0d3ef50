import { ack, type Receive, type Transport } from '@holdfast/core';
import { openHistory, say, told } from '../../harness/index.ts';

/** What one broker's consumer has of its own. */
export interface GroupConsumer {
  readonly transport: Transport;
  /** What a handler does between its start and its effect. */
  work(): Promise<unknown>;
  /**
   * How whoever lost its claim is kept from harm. `token`, the default: the claims' tokens increase, and every start of a
   * handler is a write under its claim's. `signal`: they do not, so a handler whose signal is aborted has no effect.
   */
  readonly fencedBy?: 'token' | 'signal';
}

/** A consumer of a group as a process of its own, until it is told to close. The arguments: topic, group, history. */
export const consumeInGroup = async (args: readonly string[], consumer: GroupConsumer): Promise<void> => {
  const [topic = '', group = '', file = ''] = args;
  const { transport } = consumer;
  const history = openHistory(file);
  const subscription = await transport.subscribe([topic], receiver(history, consumer), {
    group,
    from: transport.capabilities.replay ? 'earliest' : 'latest',
    maxInFlight: 60,
    concurrency: 6,
    onAssigned: ({ partition, token }) => say({ assigned: partition, token }),
    onRevoked: ({ partition }) => say({ revoked: partition }),
  });
  say({ ready: true });
  for await (const { close, owned } of told()) {
    if (close === true) break;
    if (owned === true) say({ owned: subscription.assignments.length });
  }
  await transport.close();
  say({ closed: true });
  history.close();
};

const receiver = (
  history: ReturnType<typeof openHistory>,
  { work, fencedBy = 'token' }: Omit<GroupConsumer, 'transport'>,
): Receive => {
  let handled = 0;
  return async ({ message: { id, key = '' }, partition, token, signal }) => {
    if (fencedBy === 'token') {
      history.record({ f: 'write', type: 'ok', id, key: `partition ${partition}`, epoch: token });
    }
    await work();
    if (fencedBy === 'signal' && signal.aborted) return { outcome: 'retry', delayMs: 0, spent: false };
    history.record({ f: 'effect', type: 'ok', id, key, seq: Number(id.slice(id.lastIndexOf('-') + 1)) });
    handled++;
    if (handled % 25 === 0) say({ handled });
    return ack;
  };
};
