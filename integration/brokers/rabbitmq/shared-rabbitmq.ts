import { sharedServer } from '../shared-server.ts';
import { ownRabbitmq } from './own-rabbitmq.ts';

/** The one RabbitMQ of this run. The root hooks close it. Never stop it: others use it. */
export const sharedRabbitmq = sharedServer(() => ownRabbitmq());
