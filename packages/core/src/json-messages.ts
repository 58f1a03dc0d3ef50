import { jsonCodec } from './codec.ts';
import type { MessageParts, RawMessage } from './raw-message.ts';

/** Where the parts of a message are in a JSON body, which is not validated before. */
export interface JsonMessagesOptions<Body, Raw extends RawMessage = RawMessage> {
  /** Must be the same each time the message comes. Default: the broker's. */
  readonly id?: ((body: Body, raw: Raw) => string | undefined) | undefined;
  /** Which contract the body is of. Default: the broker's. */
  readonly type?: string | ((body: Body, raw: Raw) => string | undefined) | undefined;
  /** Default: the broker's. */
  readonly key?: ((body: Body, raw: Raw) => string | undefined) | undefined;
}

/**
 * A `read` for adopted topics of any transport whose messages are bare JSON:
 * `adopt: { queue, read: jsonMessages({ type: 'order.placed', id: (order: Order) => order.orderId }) }`.
 * The body stays as it is. What is no JSON is not read, and becomes a dead letter.
 */
export const jsonMessages =
  <Body, Raw extends RawMessage = RawMessage>({ id, type, key }: JsonMessagesOptions<Body, Raw>) =>
  (raw: Raw): MessageParts => {
    // What it is only the caller knows.
    const body = jsonCodec.decode(raw.message.body) as Body;
    return {
      id: id?.(body, raw),
      type: typeof type === 'function' ? type(body, raw) : type,
      key: key?.(body, raw),
    };
  };
