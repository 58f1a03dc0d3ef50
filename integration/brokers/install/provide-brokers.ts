import { type containers, imageOf } from '../docker/containers.ts';
import { dockerHost } from '../docker/docker-server.ts';
import { installBrokers, whyNotInstall } from './install-brokers.ts';
import { whatIsMissing } from './what-is-missing.ts';

/**
 * Before a run of the tests: sees to it that every broker can be had in one of the ways, and installs what the local way
 * lacks if there is no other and this process may. Rejects with what to do when there is none. At once when all is there.
 */
export const provideBrokers = async (say: (line: string) => void): Promise<void> => {
  const { HOLDFAST_SERVERS: demanded } = process.env;
  if (demanded === 'docker') return;
  const missing = whatIsMissing();
  if (missing.packages.length === 0 && !missing.kafka) return;
  if (demanded !== 'local' && (await dockerHasAll())) return;
  const refusal = whyNotInstall(missing);
  if (refusal) {
    throw new Error(
      `the servers for the tests can be had neither in Docker nor as local processes: ${refusal}. ` +
        'As root on Debian or Ubuntu run npm run brokers; elsewhere start Docker; see CONTRIBUTING.md',
    );
  }
  say('── npm run brokers: Docker has not all servers for the tests, and the local way lacks something');
  await installBrokers(say);
};

const servers: readonly (keyof typeof containers)[] = ['redis', 'rabbitmq', 'kafka'];

/** Fetches what images are not there, which the first start of a server would do as well. */
const dockerHasAll = async (): Promise<boolean> => {
  try {
    await dockerHost();
    const { ImageName, getContainerRuntimeClient } = await import('testcontainers');
    const { image } = await getContainerRuntimeClient();
    for (const server of servers) {
      const name = ImageName.fromString(imageOf(server));
      if (!(await image.exists(name))) await image.pull(name);
    }
    return true;
  } catch {
    return false;
  }
};
