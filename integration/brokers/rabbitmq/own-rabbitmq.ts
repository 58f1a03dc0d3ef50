import { ownServer } from '../own-server.ts';
import type { ServerSettings } from '../server.ts';
import { dockerRabbitmq } from './docker-rabbitmq.ts';
import { localRabbitmq } from './local-rabbitmq.ts';
import type { RabbitmqServer } from './rabbitmq-server.ts';

const start = ownServer({ name: 'RabbitMQ', docker: dockerRabbitmq, local: localRabbitmq });

/** Starts a RabbitMQ of one's own, to stop, kill and pause; close it. */
export const ownRabbitmq = (settings: ServerSettings = {}): Promise<RabbitmqServer> => start(settings);
