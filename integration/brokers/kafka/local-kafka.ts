import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { findCommand } from '../local/find-command.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';
import { brokerConfig, propertiesText } from './broker-config.ts';
import { kafkaBrokers } from './kafka-brokers.ts';
import { classArchive, formattedStorage, javaArguments, kafkaIsInstalled } from './kafka-home.ts';
import type { KafkaServer, KafkaSettings } from './kafka-server.ts';
import { kafkaVersions } from './kafka-version.ts';

const host = '127.0.0.1';
const quickCompiler = ['-XX:TieredStopAtLevel=1', `-XX:SharedArchiveFile=${classArchive}`];

/** Starts a Kafka from its jars on free ports, in a temporary folder. */
export const localKafka = async (settings: KafkaSettings): Promise<KafkaServer> => {
  const java = findCommand('java');
  if (java === undefined) throw notInstalled('Kafka', 'there is no java');
  if (!kafkaIsInstalled()) throw notInstalled('Kafka', 'its jars are not on this machine');
  const ports = {
    client: settings.port ?? (await freePort()),
    internal: await freePort(),
    controller: await freePort(),
  };
  const address = `${host}:${ports.client}`;
  const folder = serverFolder('kafka');
  const data = join(folder.path, 'data');
  const properties = join(folder.path, 'server.properties');
  cpSync(formattedStorage(), data, { recursive: true });
  const config = { ...brokerConfig(ports, host, settings.advertised ?? address), ...settings.config, 'log.dirs': data };
  writeFileSync(properties, propertiesText(config));
  const server = await localServer({
    folder,
    launch: () =>
      startServerProcess({
        name: 'Kafka',
        file: java,
        args: [...(settings.javaOptions ?? quickCompiler), ...javaArguments(), 'kafka.Kafka', properties],
        folder: folder.path,
        logFile: join(folder.path, 'kafka.log'),
        answering: (assertAlive) => askUntilAnswered(kafkaBrokers(host, ports.client), assertAlive),
      }),
    version: async () => kafkaVersions.local,
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
  });
  return { ...server, brokers: [address] };
};
