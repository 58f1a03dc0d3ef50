import { announce } from '../announce.ts';
import type { ServerSettings } from '../server.ts';
import { localRabbitmq } from './local-rabbitmq.ts';
import type { RabbitmqServer } from './rabbitmq-server.ts';

/** Starts a RabbitMQ of one's own, to stop, kill and pause; close it. */
export const ownRabbitmq = async (settings?: ServerSettings): Promise<RabbitmqServer> => {
  const server = await localRabbitmq(settings);
  announce('RabbitMQ', server);
  return server;
};
