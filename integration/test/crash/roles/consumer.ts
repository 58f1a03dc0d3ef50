/** A consumer of the group `billing` as a process, whose effects are in the transaction of `once`. Argument: {@link ConsumerRoleOptions}. */
import { createConsumer } from '@holdfast/consumer';
import type { Message } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { OrderPlaced } from '../contracts.ts';
import { recordEffects } from '../record-effects.ts';
import { openRole, type RoleOptions, sayClosed } from './role.ts';

export interface ConsumerRoleOptions extends RoleOptions {
  readonly concurrency: number;
  readonly maxInFlight: number;
  /** Above 1: handles so many at once, in one transaction. */
  readonly batchSize: number;
  /** Of so many messages one fails at its first attempt, and waits longer than it is held in process. 0: none. */
  readonly failsOneOf: number;
}

const { options, pool, database, runtime, run, ...role } = openRole<ConsumerRoleOptions>(24);
const { name, concurrency, maxInFlight, batchSize, failsOneOf } = options;
const transport = role.transport();
const consumer = createConsumer({
  ...{ transport, database, concurrency, maxInFlight, runtime },
  group: 'billing',
  // The group is there before its first message.
  from: transport.capabilities.replay ? 'earliest' : 'latest',
  ...(failsOneOf > 0 && { holdMs: 50, retry: { attempts: 1_000, backoff: constant({ delayMs: 200 }) } }),
});

/** The same one in every process. */
const fails = ({ id }: Message): boolean => failsOneOf > 0 && parseInt(id.slice(-6), 16) % failsOneOf === 0;

if (batchSize > 1) {
  consumer.onBatch(
    OrderPlaced,
    async (_batch, { once }) => {
      await once((tx, fresh) => recordEffects(tx, name, fresh));
    },
    { maxSize: batchSize },
  );
} else {
  consumer.on(OrderPlaced, async (_order, { message, attempt, once }) => {
    if (attempt === 1 && fails(message)) throw new Error('not at the first attempt');
    await once((tx) => recordEffects(tx, name, [{ message }]));
  });
}
await consumer.start();
await run();
await consumer.close();
await transport.close();
await pool.end();
sayClosed({ ...consumer.stats() });
