import type { Message, Runtime } from '@holdfast/core';
import { deadHeaderNames } from './dead-message.ts';

/**
 * Says of a rejected message of an adopted topic that it is passed over, because that topic has no dead topic: it stays where it
 * lies, and its group goes on. Logged as an error with the place, and counted as `holdfast.<transport>.dropped_rejected`.
 */
export const passOver = ({ id, headers }: Message, transport: string, { log, meter }: Runtime): void => {
  const { [deadHeaderNames.topic]: topic = '', [deadHeaderNames.group]: group = '' } = headers;
  const { [deadHeaderNames.partition]: partition, [deadHeaderNames.position]: position } = headers;
  log.error(
    { topic, partition: Number(partition), position, group, id, reason: headers[deadHeaderNames.reason] },
    'a rejected message of an adopted topic is passed over, for want of a dead topic and a database',
  );
  meter.count(`holdfast.${transport}.dropped_rejected`, 1, { topic, group });
};
