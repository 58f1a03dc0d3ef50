import { type Delivery, type Message, reservedHeaderPrefix } from '@holdfast/core';
import { headerText } from '@holdfast/flow';

const header = `${reservedHeaderPrefix}unreadable`;

/**
 * What its topic could not read, for a consumer whose dead letters are in a database. The reason is a header, so that it is still
 * there when the message comes out of the store.
 */
export const markUnreadable = (delivery: Delivery, reason: string): Delivery => {
  const { message } = delivery;
  return { ...delivery, message: { ...message, headers: { ...message.headers, [header]: headerText(reason) } } };
};

/** Why it could not be read; undefined: it was. */
export const whyUnreadable = ({ headers }: Message): string | undefined => headers[header];
