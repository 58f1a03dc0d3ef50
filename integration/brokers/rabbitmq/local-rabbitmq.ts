import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../harness/free-port.ts';
import { ask, askUntilAnswered } from '../ask.ts';
import { findCommand } from '../local/find-command.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';
import type { ServerSettings } from '../server.ts';
import { configText } from './config-text.ts';
import { startPortMapper } from './port-mapper.ts';
import { rabbitmqPlaces } from './rabbitmq-places.ts';
import type { RabbitmqServer } from './rabbitmq-server.ts';
import { rabbitmqVersion } from './rabbitmq-version.ts';

/**
 * One scheduler and no busy waiting: many nodes share the machine with the tests. Timeouts of consumers are looked for often:
 * no setting of rabbitmq.conf does that.
 */
const erlang =
  '+S 1:1 +SDcpu 1:1 +SDio 2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1} -rabbit channel_tick_interval 500';

/** Starts the RabbitMQ of this machine as a node of its own on free ports, in a temporary folder. */
export const localRabbitmq = async ({ config = {} }: ServerSettings): Promise<RabbitmqServer> => {
  const file = findCommand(...rabbitmqPlaces);
  if (file === undefined) throw notInstalled('RabbitMQ', 'there is no rabbitmq-server');
  const folder = serverFolder('rabbitmq');
  const [port, distributionPort] = [await freePort(), await freePort()];
  const mapper = await startPortMapper(folder.path);
  const question = rabbitmqVersion('127.0.0.1', port);
  const server = await localServer({
    folder,
    release: mapper.stop,
    launch: () =>
      startServerProcess({
        name: 'RabbitMQ',
        file,
        args: [],
        folder: folder.path,
        env: { ...environment(folder.path, port, config), ...mapper.env, RABBITMQ_DIST_PORT: `${distributionPort}` },
        logFile: join(folder.path, 'rabbitmq.log'),
        answering: (assertAlive) => askUntilAnswered(question, assertAlive),
      }),
    version: () => ask(question),
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
  });
  return { ...server, url: `amqp://holdfast:holdfast@127.0.0.1:${port}` };
};

/** Writes the node's files and says where they are. */
const environment = (folder: string, port: number, config: Readonly<Record<string, string>>) => {
  const place = (name: string): string => join(folder, name);
  const settings = {
    'listeners.tcp.local': `127.0.0.1:${port}`,
    default_user: 'holdfast',
    default_pass: 'holdfast',
    'log.console': 'true',
    'log.console.level': 'warning',
    'log.file': 'false',
    ...config,
  };
  writeFileSync(place('rabbitmq.conf'), configText(settings));
  writeFileSync(place('enabled_plugins'), '[].\n');
  mkdirSync(place('mnesia'), { recursive: true });
  return {
    HOME: folder,
    RABBITMQ_NODENAME: `holdfast-${port}@localhost`,
    RABBITMQ_CONF_ENV_FILE: place('no-rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: place('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: place('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: place('mnesia'),
    RABBITMQ_LOG_BASE: place('log'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlang,
  };
};
