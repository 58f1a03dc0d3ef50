import { type Contract, defineMessage } from '@holdfast/core';
import * as z from 'zod';

export const OrderPlaced: Contract<'order.placed', { orderId: string }, { orderId: string }> = defineMessage(
  'order.placed',
  { version: 1, topic: 'orders', schema: z.object({ orderId: z.string() }), key: (order) => order.orderId },
);

export const OrderCancelled: Contract<'order.cancelled', { orderId: string }, { orderId: string }> = defineMessage(
  'order.cancelled',
  { version: 1, topic: 'orders', schema: z.object({ orderId: z.string() }) },
);
