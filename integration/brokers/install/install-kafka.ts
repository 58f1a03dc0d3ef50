import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { brokerConfig, propertiesText } from '../kafka/broker-config.ts';
import { kafkaBrokers } from '../kafka/kafka-brokers.ts';
import { classArchive, formattedStorage, javaArguments, kafkaHome, kafkaIsInstalled } from '../kafka/kafka-home.ts';
import { kafkaVersions } from '../kafka/kafka-version.ts';
import { findCommand } from '../local/find-command.ts';
import { serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';

/** Maven says on standard output what went wrong. */
const run = (file: string, args: readonly string[]): Promise<unknown> =>
  promisify(execFile)(file, args).catch((error: Error & { readonly stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout?.slice(-2_000)}`, { cause: error });
  });
/** Every server of ours begins with a copy of one formatted folder, its cluster id included: they never meet. */
const clusterId = 'holdfastholdfasthold-A';
const host = '127.0.0.1';

/** Fetches Kafka's jars with Maven into the cache of this user, formats a storage folder, and archives its classes. */
export const installKafka = async (say: (line: string) => void): Promise<void> => {
  if (kafkaIsInstalled()) return;
  const [maven, java] = [commandOf('mvn'), commandOf('java')];
  mkdirSync(dirname(kafkaHome), { recursive: true });
  const unfinished = mkdtempSync(`${kafkaHome}-`);
  try {
    say(`mvn dependency:copy-dependencies: the jars of Kafka ${kafkaVersions.local} into ${kafkaHome}`);
    await run(maven, mavenArguments(join(unfinished, 'libs')));
    await formatStorage(java, unfinished);
    renameSync(unfinished, kafkaHome);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  await archiveClasses(java);
};

const commandOf = (name: string): string => {
  const file = findCommand(name);
  if (file === undefined) throw notInstalled('Kafka', `there is no ${name}`);
  return file;
};

const mavenArguments = (libs: string): string[] => [
  '--quiet',
  '--batch-mode',
  `--file=${join(import.meta.dirname, '..', 'kafka', 'pom.xml')}`,
  `-Dkafka.version=${kafkaVersions.local}`,
  `-DoutputDirectory=${libs}`,
  'dependency:copy-dependencies',
];

const formatStorage = async (java: string, home: string): Promise<void> => {
  const { properties } = await writeConfig(home, formattedStorage(home));
  const tool = ['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', properties];
  await run(java, [...javaArguments(home), ...tool]);
};

/** Java writes the archive at the end of a run, here of a broker that did nothing but start. */
const archiveClasses = async (java: string): Promise<void> => {
  const folder = serverFolder('kafka');
  const data = join(folder.path, 'data');
  cpSync(formattedStorage(), data, { recursive: true });
  const { properties, port } = await writeConfig(folder.path, data);
  const options = ['-XX:TieredStopAtLevel=1', `-XX:ArchiveClassesAtExit=${classArchive}`];
  const broker = await startServerProcess({
    name: 'Kafka',
    file: java,
    args: [...options, ...javaArguments(), 'kafka.Kafka', properties],
    folder: folder.path,
    logFile: join(folder.path, 'kafka.log'),
    answering: (assertAlive) => askUntilAnswered(kafkaBrokers(host, port), assertAlive),
  });
  await broker.stop('SIGTERM');
  await folder.remove();
};

const writeConfig = async (folder: string, data: string): Promise<{ properties: string; port: number }> => {
  const ports = { client: await freePort(), internal: await freePort(), controller: await freePort() };
  const config = { ...brokerConfig(ports, host, `${host}:${ports.client}`), 'log.dirs': data };
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, propertiesText(config));
  return { properties, port: ports.client };
};
