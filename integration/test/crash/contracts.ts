import { type Contract, defineMessage } from '@holdfast/core';
import { z } from 'zod';

const Order = z.object({ customer: z.string(), note: z.string() });

/** On a broker that several scenarios share, each has a topic of its own. */
export const ordersTopic = process.env.HOLDFAST_CRASH_TOPIC ?? 'orders';

/** What the shop tells the group `billing`, in the order of each customer. */
export const OrderPlaced: Contract<'order.placed', z.infer<typeof Order>, z.infer<typeof Order>> = defineMessage(
  'order.placed',
  { version: 1, topic: ordersTopic, schema: Order, key: ({ customer }) => customer },
);

/** The topic's and the outbox's: few enough that each is worked on all the time. */
export const partitions = 6;
export const shards = 6;
