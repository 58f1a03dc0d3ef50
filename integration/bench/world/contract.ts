import { type Contract, defineMessage } from '@holdfast/core';
import { z } from 'zod';

const Order = z.object({ orderId: z.string(), customerId: z.string(), total: z.number(), note: z.string() });
export type OrderPayload = z.infer<typeof Order>;

/** What a shop would send: about 200 bytes of JSON, in the order of a customer. */
export const OrderPlaced: Contract<'order.placed', OrderPayload, OrderPayload> = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: Order,
  key: ({ customerId }) => customerId,
});

const note = 'x'.repeat(100);

export const order = (customer: number): OrderPayload => ({
  orderId: crypto.randomUUID(),
  customerId: `customer ${customer}`,
  total: 42.5,
  note,
});
