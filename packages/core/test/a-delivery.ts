import type { Delivery, Message } from '@holdfast/core';

export const aMessage = (message: Partial<Message> = {}): Message => ({
  id: 'm1',
  type: 'order.placed',
  headers: {},
  body: new Uint8Array(),
  ...message,
});

export const aDelivery = (delivery: Partial<Delivery> = {}): Delivery => ({
  message: aMessage(),
  topic: 'orders',
  partition: 0,
  position: '0',
  group: 'billing',
  attempt: 1,
  token: 't1',
  signal: new AbortController().signal,
  ...delivery,
});
