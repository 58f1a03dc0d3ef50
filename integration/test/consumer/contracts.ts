import { type Contract, defineMessage } from '@holdfast/core';
import * as z from 'zod';

interface Order {
  readonly customer: string;
  readonly no: number;
}

/** The `no`-th order of a customer, which is its key. */
export const OrderPlaced: Contract<'order.placed', Order, Order> = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: z.object({ customer: z.string(), no: z.number() }),
  key: (order) => order.customer,
});
