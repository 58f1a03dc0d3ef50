import { NameTooLongError } from './errors.ts';

/**
 * The names of what we declare. A topic is an exchange of its name; a group of it has a queue per partition,
 * `<topic>/<group>/<partition>`, bound with the partition's number as routing key.
 */
export const queueOf = (topic: string, group: string, partition: number): string =>
  checked(`${part(topic)}/${part(group)}/${partition}`);

/** Holds what is stored about the topic: its partitions and groups. */
export const aboutQueueOf = (topic: string): string => checked(`${part(topic)}/about`);

/** Consumed by each subscription of the group, so that they can be counted. Never has a message. */
export const membersQueueOf = (topic: string, group: string): string =>
  checked(`${part(topic)}/${part(group)}/members`);

/** Exclusive to whoever owns the partition. */
export const lockOf = (topic: string, group: string, partition: number): string =>
  checked(`${part(topic)}/${part(group)}/${partition}/owner`);

/** An exchange that is there for as long as the partition's queue is the one that its owner consumes. */
export const lifelineOf = (topic: string, group: string, partition: number): string =>
  checked(`${part(topic)}/${part(group)}/${partition}/lifeline`);

/** Exclusive to whoever may own one partition more than the others. */
export const extraOf = (topic: string, group: string, index: number): string =>
  checked(`${part(topic)}/${part(group)}/extra/${index}`);

/** `/` separates, so it is written otherwise inside of a name. */
const part = (name: string): string => name.replaceAll('%', '%25').replaceAll('/', '%2F');

const maxBytes = 255;

const checked = (name: string): string => {
  if (Buffer.byteLength(name) > maxBytes) throw new NameTooLongError(name);
  return name;
};
