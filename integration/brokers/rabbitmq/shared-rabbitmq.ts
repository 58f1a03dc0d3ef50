import { sharedServer } from '../shared-server.ts';
import { environmentRabbitmq } from './environment-rabbitmq.ts';
import { ownRabbitmq } from './own-rabbitmq.ts';

/** The one RabbitMQ of this run: that of HOLDFAST_RABBITMQ_URL, else a new one. Never stop it: others use it. */
export const sharedRabbitmq = sharedServer({
  name: 'RabbitMQ',
  variable: 'HOLDFAST_RABBITMQ_URL',
  environment: environmentRabbitmq,
  own: () => ownRabbitmq(),
});
