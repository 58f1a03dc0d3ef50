import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { kafkaVersions } from './kafka-version.ts';

/** The folder, one per user, in which the installed Kafka is kept from run to run. */
export const kafkaHome = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'holdfast',
  `kafka-${kafkaVersions.local}`,
);

/** A folder that is there is whole: it is made beside and moved. */
export const kafkaIsInstalled = (): boolean => existsSync(kafkaHome);

/** A storage folder as Kafka formats it, made once: formatting takes a Java of its own. */
export const formattedStorage = (home = kafkaHome): string => join(home, 'formatted');

/** The broker's classes as Java has them in memory, which halves the time of a start. Java passes over one that does not fit. */
export const classArchive = join(kafkaHome, 'classes.jsa');

/** What `java` is told to run a class of Kafka's. */
export const javaArguments = (home = kafkaHome): string[] => {
  const jars = readdirSync(join(home, 'libs')).filter((name) => name.endsWith('.jar'));
  return [
    '-Xms64m',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
    '-cp',
    jars
      .sort()
      .map((jar) => join(home, 'libs', jar))
      .join(':'),
  ];
};
