import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { findCommand } from '../local/find-command.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';
import { brokerConfig, propertiesText } from './broker-config.ts';
import { classArchive, formattedStorage, javaArguments, kafkaIsInstalled } from './kafka-home.ts';
import type { KafkaServer, KafkaSettings } from './kafka-server.ts';
import { kafkaVersions } from './kafka-version.ts';
import { loginConfig, readyQuestion } from './login-config.ts';

const host = '127.0.0.1';
const quickCompiler = ['-XX:TieredStopAtLevel=1', `-XX:SharedArchiveFile=${classArchive}`];

/** Which node of a cluster it is, and the ports of all its controllers. */
export interface KafkaNode {
  readonly id: number;
  readonly controllers: readonly number[];
}

/** Starts a Kafka from its jars on free ports, in a temporary folder: alone, or as a node of a cluster. */
export const localKafka = async (settings: KafkaSettings, node?: KafkaNode): Promise<KafkaServer> => {
  const java = findCommand('java');
  if (java === undefined) throw notInstalled('Kafka', 'there is no java');
  if (!kafkaIsInstalled()) throw notInstalled('Kafka', 'its jars are not on this machine');
  const ports = {
    client: settings.port ?? (await freePort()),
    internal: await freePort(),
    controller: node?.controllers[node.id - 1] ?? (await freePort()),
  };
  const address = `${host}:${ports.client}`;
  const folder = serverFolder('kafka');
  const data = join(folder.path, 'data');
  const properties = join(folder.path, 'server.properties');
  cpSync(formattedStorage(), data, { recursive: true });
  if (node !== undefined) nameNode(join(data, 'meta.properties'), node);
  const config = {
    ...brokerConfig(ports, host, settings.advertised ?? address),
    ...(node && clusterConfig(node)),
    ...loginConfig(settings),
    ...settings.config,
    'log.dirs': data,
  };
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
        answering: (assertAlive) => askUntilAnswered(readyQuestion(host, ports.client, settings), assertAlive),
      }),
    version: async () => kafkaVersions.local,
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
  });
  return { ...server, brokers: [address] };
};

/** The storage was formatted for a node that is alone. */
const nameNode = (file: string, { id }: KafkaNode): void => {
  const text = readFileSync(file, 'utf8')
    .replace(/^node\.id=.*$/m, `node.id=${id}`)
    .replace(/^directory\.id=.*$/m, `directory.id=${randomBytes(16).toString('base64url')}`);
  writeFileSync(file, text);
};

/** Everything on every node, and written to two of them at least. */
const clusterConfig = ({ id, controllers }: KafkaNode): Record<string, string> => ({
  'node.id': `${id}`,
  'controller.quorum.voters': controllers.map((port, at) => `${at + 1}@${host}:${port}`).join(','),
  'default.replication.factor': `${controllers.length}`,
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': `${controllers.length}`,
  'transaction.state.log.replication.factor': `${controllers.length}`,
  'transaction.state.log.min.isr': '2',
});
