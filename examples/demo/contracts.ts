import { defineMessage } from 'holdfast';
import * as z from 'zod';
import { topicOf } from './topics.ts';

/** A customer's order. Everything that follows happens in the order in which each customer placed them. */
export const OrderPlaced = defineMessage('order.placed', {
  version: 1,
  topic: topicOf('orders'),
  schema: z.object({ orderId: z.uuid(), customerId: z.string(), total: z.int().positive() }),
  key: (order) => order.customerId,
});

/** Sent by billing, in the transaction that writes the charge. */
export const OrderBilled = defineMessage('order.billed', {
  version: 1,
  topic: topicOf('bills'),
  schema: z.object({ orderId: z.uuid(), customerId: z.string() }),
  key: (bill) => bill.customerId,
});
