import { execFileSync } from 'node:child_process';
import { findCommand } from '../local/find-command.ts';
import { installKafka } from './install-kafka.ts';
import { type Missing, whatIsMissing } from './what-is-missing.ts';

type Say = (line: string) => void;

/** Installs what the local way lacks: packages by apt, Kafka by Maven. Says what it does before it does it. */
export const installBrokers = async (say: Say): Promise<void> => {
  const missing = whatIsMissing();
  if (missing.packages.length > 0) installPackages(missing.packages, say);
  if (missing.kafka) await installKafka(say);
};

/** Why `installBrokers` would not work here; `undefined` if it may. Kafka alone needs no more than its user's own folder. */
export const whyNotInstall = ({ packages }: Missing): string | undefined => {
  if (packages.length === 0) return undefined;
  if (findCommand('apt-get') === undefined) return `there is no apt-get to install ${packages.join(', ')} with`;
  return process.getuid?.() === 0 ? undefined : `only root may install ${packages.join(', ')}`;
};

const installPackages = (packages: readonly string[], say: Say): void => {
  const aptGet = findCommand('apt-get');
  const refusal = whyNotInstall({ packages, kafka: false });
  if (refusal || aptGet === undefined) {
    throw new Error(
      `${refusal}. On Debian and Ubuntu: sudo apt-get install ${packages.join(' ')}, then npm run brokers again. ` +
        'Elsewhere install what they are there, or start Docker',
    );
  }
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    say(`apt-get ${args.join(' ')}`);
    execFileSync(aptGet, ['--quiet=2', '-o', 'Dpkg::Use-Pty=0', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  say('Debian starts the services of what it installs. The tests run servers of their own and use none of those.');
};
