/**
 * What is used of an AMQP client, as amqplib 1 and 2 have it. Written down here, so that the package's types need none of
 * amqplib's, which 1.0 does not bring, and another client of the same shape fits.
 */
export interface AmqpConnection {
  createChannel(): Promise<AmqpChannel>;
  createConfirmChannel(): Promise<AmqpConfirmChannel>;
  close(): Promise<void>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

export interface AmqpChannel {
  assertQueue(queue: string, options?: QueueOptions): Promise<QueueCounts>;
  checkQueue(queue: string): Promise<QueueCounts>;
  deleteQueue(queue: string): Promise<unknown>;
  bindQueue(queue: string, exchange: string, routingKey: string): Promise<unknown>;
  assertExchange(exchange: string, type: string, options?: ExchangeOptions): Promise<unknown>;
  checkExchange(exchange: string): Promise<unknown>;
  prefetch(count: number): Promise<unknown>;
  consume(
    queue: string,
    onMessage: (message: AmqpMessage | null) => void,
    options?: { readonly arguments?: object },
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  get(queue: string): Promise<AmqpMessage | false>;
  ack(message: AmqpMessage, allUpTo?: boolean): void;
  close(): Promise<void>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

export interface AmqpConfirmChannel extends AmqpChannel {
  publish(exchange: string, routingKey: string, content: Buffer, options: PublishProperties): boolean;
}

export interface QueueOptions {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly arguments?: object;
}

export interface ExchangeOptions {
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
}

export interface QueueCounts {
  readonly messageCount: number;
  readonly consumerCount: number;
}

export interface PublishProperties {
  readonly mandatory: boolean;
  readonly persistent: boolean;
  messageId?: string;
  type?: string;
  contentType?: string;
  correlationId?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message as the client hands it over. */
export interface AmqpMessage {
  readonly content: Buffer;
  readonly fields: AmqpFields;
  readonly properties: AmqpProperties;
}

export interface AmqpFields {
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
}

export interface AmqpProperties {
  readonly messageId?: unknown;
  readonly type?: unknown;
  readonly contentType?: unknown;
  readonly correlationId?: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

/** The reply code of the broker that an error carries, where it has one: 404, 405, 406… */
export const replyCodeOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : undefined;

export const replyCodes = { accessRefused: 403, notFound: 404, locked: 405, mismatch: 406 } as const;
