import { kafkaIsInstalled } from '../kafka/kafka-home.ts';
import { findCommand } from '../local/find-command.ts';
import { rabbitmqPlaces } from '../rabbitmq/rabbitmq-places.ts';

/** What the local way still lacks on this machine. */
export interface Missing {
  /** By their names in Debian and Ubuntu. */
  readonly packages: readonly string[];
  readonly kafka: boolean;
}

/** Looks for the commands and the jars that the local way runs. A few looks at the disk. */
export const whatIsMissing = (): Missing => {
  const kafka = !kafkaIsInstalled();
  const needed: readonly (readonly [string, readonly string[]])[] = [
    ['redis-server', ['redis-server']],
    ['rabbitmq-server', rabbitmqPlaces],
    ['default-jre-headless', ['java']],
    // Maven is there to fetch Kafka's jars, and for nothing after that.
    ...(kafka ? [['maven', ['mvn']] as const] : []),
  ];
  const packages = needed.flatMap(([name, commands]) => (findCommand(...commands) === undefined ? [name] : []));
  return { packages, kafka };
};
