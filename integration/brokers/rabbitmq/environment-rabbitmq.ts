import { ask } from '../ask.ts';
import { environmentServer } from '../environment-server.ts';
import type { RabbitmqServer } from './rabbitmq-server.ts';
import { rabbitmqVersion } from './rabbitmq-version.ts';

/** The server at `url`, of HOLDFAST_RABBITMQ_URL. */
export const environmentRabbitmq = async (url: string): Promise<RabbitmqServer> => {
  const { hostname, port } = new URL(url);
  const version = await ask(rabbitmqVersion(hostname, Number(port || 5672)));
  return { ...environmentServer('HOLDFAST_RABBITMQ_URL', version), url };
};
