import type { Server } from '../server.ts';

/** A real RabbitMQ: `url` is `amqp://user:password@host:port`, of a user who may do everything. */
export interface RabbitmqServer extends Server {
  readonly url: string;
}
