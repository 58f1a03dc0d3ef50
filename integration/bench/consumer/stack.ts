import { createConsumer } from '@holdfast/consumer';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { type OrderPayload, OrderPlaced } from '../world/contract.ts';
import { preloadedMessages, preloadedTransport } from '../world/preloaded.ts';

const keys = 10_000;

export const consumerStack: Benchmark = {
  row: 11,
  group: 'consumer',
  ours: 'the consumer’s stack (decode, timeout, retry, lanes) around a no-op, memory transport',
  beside: 'the bare handler in a loop',
  explains:
    'What a message costs that does nothing: the memory transport’s hand-over and settlement, the lane of its key, decoding ' +
    'and validating its JSON, the attempt’s deadline, and its settlement. None of it waits for anything.',
  measures: [{ name: 'per message', unit: 'µs', compare: 'difference', bound: 'at most', gate: 6, goal: 2 }],
  rounds: [7, 2],
  open: async (scene) => {
    const count = scene.size(200_000, 50_000);
    const micros = async (run: () => Promise<unknown>): Promise<readonly number[]> => {
      const startedAt = performance.now();
      await run();
      return [((performance.now() - startedAt) * 1_000) / count];
    };
    let total = 0;
    const handle = async (placed: Pick<OrderPayload, 'total'>): Promise<void> => {
      total += placed.total;
    };
    const ours = async (): Promise<readonly number[]> => {
      const transport = await preloadedTransport(count, keys);
      const handled = createCountdown(count);
      const consumer = createConsumer({ transport, group: 'bench', from: 'earliest', timeoutMs: 5_000 });
      consumer.on(OrderPlaced, async (placed) => {
        await handle(placed);
        handled.add(1);
      });
      const taken = await micros(async () => {
        await consumer.start();
        await handled.done;
      });
      await consumer.close();
      await transport.close();
      return taken;
    };
    const beside = (): Promise<readonly number[]> => {
      const messages = preloadedMessages(count, keys);
      return micros(async () => {
        for (const { body } of messages) await handle({ total: body.length });
      });
    };
    return {
      round: interleaved(ours, beside),
      close: async () => {
        if (Number.isNaN(total)) throw new Error('a handler got no payload');
      },
    };
  },
};
