import type { Log } from '@holdfast/core';
import type { Connection } from './connection.ts';
import { UnsuitableServerError } from './errors.ts';
import type { Settings } from './options.ts';

/**
 * Refuses a server on which messages could be lost against what was promised: one older than 7, one that evicts keys
 * when its memory is full, and, where durability was declared, one that keeps no append-only file.
 */
export const checkServer = async (
  connection: Connection,
  { durable, confirmations }: Pick<Settings, 'durable' | 'confirmations'>,
  log: Log,
): Promise<void> => {
  const info = parseInfo(String(await connection.call('info', [])));
  const version = info.get('redis_version') ?? '0';
  if (Number.parseInt(version, 10) < 7) {
    throw new UnsuitableServerError(`found Redis ${version}; expected 7 or newer: update it`);
  }
  if (confirmations.file && Number.parseFloat(version) < 7.2) {
    throw new UnsuitableServerError(
      `found Redis ${version}, which has no WAITAOF; expected 7.2 or newer for \`confirmations.file\`: update it, or leave it out`,
    );
  }
  if (durable && info.get('aof_enabled') !== '1') {
    throw new UnsuitableServerError(
      'the transport was declared durable, but the server keeps no append-only file: set `appendonly yes`, or leave `durable` out',
    );
  }
  checkEviction(info, log);
};

const checkEviction = (info: ReadonlyMap<string, string>, log: Log): void => {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  const limited = Number(info.get('maxmemory') ?? 0) > 0;
  if (policy === 'noeviction') return;
  const found = `the server's maxmemory-policy is '${policy}'; expected 'noeviction'`;
  if (limited && policy.startsWith('allkeys')) {
    throw new UnsuitableServerError(
      `${found}: it would delete streams with all their messages when memory is full; CONFIG SET maxmemory-policy noeviction`,
    );
  }
  log.warn({ policy }, `${found}; as it is now no stream is evicted, set it before that changes`);
};

const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
