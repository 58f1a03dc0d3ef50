import { jsonCodec } from './codec.ts';
import { HoldfastError } from './errors.ts';
import type { MessageParts, RawMessage } from './raw-message.ts';

/** A message that is not in the form in which it was said to be. */
export class ForeignFormatError extends HoldfastError {
  override readonly code = 'foreign_format';
}

/** Where the id and the key of a message are in its data, which are not validated before. */
export interface NestMessagesOptions<Data, Raw extends RawMessage = RawMessage> {
  /**
   * Must be the same each time the message comes. Default: the id that NestJS gives to what expects a reply, else the
   * broker's. `emit` to RabbitMQ sends neither: there one must be found.
   */
  readonly id?: ((data: Data, raw: Raw) => string | undefined) | undefined;
  /** Default: the broker's. */
  readonly key?: ((data: Data, raw: Raw) => string | undefined) | undefined;
  /** Where the packet is. Default: it is the message's body. */
  readonly packet?: ((raw: Raw) => Uint8Array) | undefined;
}

interface Packet {
  readonly pattern: unknown;
  readonly data?: unknown;
  readonly id?: unknown;
}

const encoder = new TextEncoder();

/**
 * A `read` for adopted topics of any transport whose messages NestJS's microservices have sent: `{ pattern, data }`. The
 * pattern becomes the type (that of an object as NestJS itself writes it: `{"cmd":"sum"}`), the data the body, as JSON.
 * Nothing is replied to. NestJS's Kafka client sends the data alone, under the pattern as its topic: that is read without this.
 * A body of another form is not read, and becomes a dead letter.
 */
export const nestMessages =
  <Data, Raw extends RawMessage = RawMessage>({ id, key, packet }: NestMessagesOptions<Data, Raw> = {}) =>
  (raw: Raw): MessageParts => {
    const found = packetIn(packet?.(raw) ?? raw.message.body);
    // What it is only the caller knows.
    const data = found.data as Data;
    return {
      id: id?.(data, raw) ?? (typeof found.id === 'string' ? found.id : undefined),
      type: routeOf(found.pattern),
      key: key?.(data, raw),
      body: encoder.encode(JSON.stringify(data ?? null)),
    };
  };

const packetIn = (bytes: Uint8Array): Packet => {
  const found = jsonCodec.decode(bytes);
  if (typeof found === 'object' && found !== null && 'pattern' in found) return found;
  throw new ForeignFormatError(
    'a body has no pattern, so NestJS did not send it; expected JSON of the form { pattern, data }',
  );
};

/** As in `transformPatternToRoute` of @nestjs/microservices 12. */
const routeOf = (pattern: unknown): string => {
  if (typeof pattern !== 'object' || pattern === null) return String(pattern);
  const parts = Object.entries(pattern)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => `${quote(name)}:${typeof value === 'string' ? quote(value) : routeOf(value)}`);
  return `{${parts.join(',')}}`;
};

const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
