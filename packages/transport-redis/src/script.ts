import { createHash } from 'node:crypto';
import type { Argument, Connection } from './connection.ts';
import { replyCode } from './reply-error.ts';

/** A Lua script. All keys of one call are in one slot of a cluster. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * A script that may run although Redis is above its `maxmemory`: it frees memory, or keeps its consumers going, who free
 * it. (Redis 7; `allow-oom` concerns the whole script.)
 */
export const relievingScript = (lua: string): Script => script(`#!lua flags=allow-oom\n${lua}`);

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** Runs a script by its hash; sends the text where the server does not know it, which has done nothing then. */
export const runScript = async (
  connection: Connection,
  { sha, lua }: Script,
  { keys, args }: { readonly keys: readonly string[]; readonly args: readonly Argument[] },
): Promise<unknown> => {
  try {
    return await connection.call('evalsha', [sha, keys.length, ...keys, ...args]);
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error;
    return connection.call('eval', [lua, keys.length, ...keys, ...args]);
  }
};

/** A reply's strings. */
export const textsOf = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : []);

/** A reply's strings, two by two: drivers and protocols give a map as an object or as a flat array. */
export const pairsOf = (reply: unknown): ReadonlyMap<string, string> => {
  if (!Array.isArray(reply)) return new Map(Object.entries(reply ?? {}).map(([name, value]) => [name, String(value)]));
  const pairs = new Map<string, string>();
  for (let at = 0; at < reply.length; at += 2) pairs.set(String(reply[at]), String(reply[at + 1]));
  return pairs;
};
