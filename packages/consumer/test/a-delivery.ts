import type { Delivery, Message } from '@holdfast/core';

/** A delivery like any other, except for what a test says. */
export const aDelivery = (parts: Partial<Delivery> = {}): Delivery => ({
  message: aMessage(),
  topic: 'orders',
  partition: 0,
  position: '1',
  group: 'billing',
  attempt: 1,
  token: 't',
  signal: new AbortController().signal,
  ...parts,
});

export const aMessage = (parts: Partial<Message> = {}): Message => ({
  id: 'm-1',
  type: 'order.placed',
  headers: {},
  body: new TextEncoder().encode('{"orderId":"o-1"}'),
  ...parts,
});
