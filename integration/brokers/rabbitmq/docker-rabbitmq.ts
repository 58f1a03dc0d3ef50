import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { containers, imageOf } from '../docker/containers.ts';
import { dockerHost, dockerServer } from '../docker/docker-server.ts';
import type { ServerSettings } from '../server.ts';
import { configText } from './config-text.ts';
import type { RabbitmqServer } from './rabbitmq-server.ts';
import { rabbitmqVersion } from './rabbitmq-version.ts';

/** Starts a RabbitMQ in Docker. */
export const dockerRabbitmq = async ({ config = {} }: ServerSettings): Promise<RabbitmqServer> => {
  const [host, port] = [await dockerHost(), await freePort()];
  const server = await dockerServer({
    image: imageOf('rabbitmq'),
    env: {
      RABBITMQ_DEFAULT_USER: 'holdfast',
      RABBITMQ_DEFAULT_PASS: 'holdfast',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +SDcpu 1:1 +sbwt none -rabbit channel_tick_interval 500',
    },
    files: { '/etc/rabbitmq/conf.d/90-holdfast.conf': configText(config) },
    port: { container: containers.rabbitmq.port, host: port },
    // Not every image passes a signal on to Erlang.
    signals: { fast: ['rabbitmqctl', 'stop'], kill: 'SIGKILL' },
    answering: () => askUntilAnswered(rabbitmqVersion(host, port)),
  });
  return { ...server, url: `amqp://holdfast:holdfast@${host}:${port}` };
};
