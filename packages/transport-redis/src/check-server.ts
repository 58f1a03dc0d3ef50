import type { Log, Runtime } from '@holdfast/core';
import type { OwnClient } from './client.ts';
import type { Connection } from './connection.ts';
import { UnsuitableServerError } from './errors.ts';
import type { Settings } from './options.ts';
import { scriptBytes } from './sender.ts';

type Declared = Pick<Settings, 'durable' | 'confirmations' | 'maxBodyBytes'>;

/**
 * Refuses a server on which messages could be lost against what was promised: one older than 7, one that evicts keys
 * when its memory is full, where durability was declared, one that keeps no append-only file, and one that would end the
 * connection at a body that the transport lets through.
 */
export const checkServer = async (connection: Connection, declared: Declared, log: Log): Promise<void> => {
  const info = parseInfo(String(await connection.call('info', [])));
  const [fault] = faultsOf(info, declared);
  if (fault !== undefined) throw new UnsuitableServerError(fault);
  await checkLimit(connection, declared);
  const { policy, found } = evictionOf(info);
  if (policy !== 'noeviction') {
    log.warn({ policy }, `${found}; as it is now no stream is evicted, set it before that changes`);
  }
};

/** Redis answers what is above its limit by ending the connection, with all that is on its way. */
const checkLimit = async (connection: Connection, { maxBodyBytes }: Declared): Promise<void> => {
  // A managed Redis may not let its settings be asked for.
  const answer = await connection.call('config', ['GET', 'proto-max-bulk-len']).catch(() => undefined);
  const found = Array.isArray(answer) ? Number(answer[1]) : Number.NaN;
  const expected = maxBodyBytes + scriptBytes;
  if (found < expected) {
    throw new UnsuitableServerError(
      `its proto-max-bulk-len is ${found}; expected at least ${expected}, so that a body of \`maxBodyBytes\` (${maxBodyBytes}) gets through: raise it, or lower maxBodyBytes`,
    );
  }
};

/**
 * Looks again at each new connection that leads to another server, one that was started again or has taken over. Messages are in
 * there already, so nothing is refused: what makes it unsuitable is an alarm.
 */
export const watchServer = (declared: Declared, { log, meter }: Pick<Runtime, 'log' | 'meter'>) => {
  let known: string | undefined;
  const look = async (client: Pick<OwnClient, 'callBuffer'>): Promise<void> => {
    const info = parseInfo(String(await client.callBuffer('info', [])));
    const runId = info.get('run_id');
    const isOther = known !== undefined && runId !== known;
    known = runId;
    if (!isOther) return;
    for (const fault of faultsOf(info, declared)) {
      meter.count('holdfast.redis.unsuitable_server', 1);
      log.error({ runId }, `Redis is another server than before, and messages can be lost on it: ${fault}`);
    }
  };
  return (client: Pick<OwnClient, 'callBuffer'>): void => {
    // What is wrong with the connection is found by who uses it.
    look(client).catch(() => {});
  };
};

const faultsOf = (info: ReadonlyMap<string, string>, { durable, confirmations }: Declared): readonly string[] => {
  const version = info.get('redis_version') ?? '0';
  const faults: string[] = [];
  if (Number.parseInt(version, 10) < 7) faults.push(`found Redis ${version}; expected 7 or newer: update it`);
  if (confirmations.file && Number.parseFloat(version) < 7.2) {
    faults.push(
      `found Redis ${version}, which has no WAITAOF; expected 7.2 or newer for \`confirmations.file\`: update it, or leave it out`,
    );
  }
  if (durable && info.get('aof_enabled') !== '1') {
    faults.push(
      'the transport was declared durable, but the server keeps no append-only file: set `appendonly yes`, or leave `durable` out',
    );
  }
  const { policy, found } = evictionOf(info);
  if (Number(info.get('maxmemory') ?? 0) > 0 && policy.startsWith('allkeys')) {
    faults.push(
      `${found}: it would delete streams with all their messages when memory is full; CONFIG SET maxmemory-policy noeviction`,
    );
  }
  return faults;
};

const evictionOf = (info: ReadonlyMap<string, string>): { readonly policy: string; readonly found: string } => {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  return { policy, found: `the server's maxmemory-policy is '${policy}'; expected 'noeviction'` };
};

const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
