import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { containers, imageOf } from '../docker/containers.ts';
import { dockerHost, dockerServer } from '../docker/docker-server.ts';
import { brokerConfig } from './broker-config.ts';
import type { KafkaServer, KafkaSettings } from './kafka-server.ts';
import { loginConfig, readyQuestion } from './login-config.ts';

const inside = { client: containers.kafka.port, internal: 9094, controller: 9093 };

/** Starts an Apache Kafka in Docker. It talks to itself on a listener inside; clients come to the host's port. */
export const dockerKafka = async (settings: KafkaSettings): Promise<KafkaServer> => {
  const [host, port] = [await dockerHost(), settings.port ?? (await freePort())];
  const address = `${host}:${port}`;
  const config = {
    ...brokerConfig(inside, '0.0.0.0', settings.advertised ?? address),
    ...loginConfig(settings),
    ...settings.config,
  };
  const server = await dockerServer({
    image: imageOf('kafka'),
    env: { ...variablesOf(config), KAFKA_HEAP_OPTS: '-Xms64m -Xmx512m -XX:TieredStopAtLevel=1' },
    port: { container: inside.client, host: port },
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
    answering: async (log) => {
      await askUntilAnswered(readyQuestion(host, port, settings));
      return /Kafka version: (\S+)/.exec(await log())?.[1] ?? 'of unknown version';
    },
  });
  return { ...server, brokers: [address] };
};

/** As the image takes its configuration: `log.dirs` is KAFKA_LOG_DIRS. */
const variablesOf = (config: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(config).map(([name, value]) => [
      `KAFKA_${name.replaceAll('-', '___').replaceAll('_', '__').replaceAll('.', '_').toUpperCase()}`,
      value,
    ]),
  );
