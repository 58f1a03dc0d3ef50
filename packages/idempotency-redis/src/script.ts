import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-client.ts';

/** A Lua script. All keys of one call are in one slot of a cluster. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** A script that may run although Redis is above its `maxmemory`: what has begun must be able to end. */
export const relievingScript = (lua: string): Script => script(`#!lua flags=allow-oom\n${lua}`);

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** Runs a script by its hash; sends the text where the server does not know it, which has done nothing then. */
export const runScript = async (client: RedisClient, { sha, lua }: Script, call: ScriptCall): Promise<unknown> => {
  const { keys, args } = call;
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return client.eval(lua, keys.length, ...keys, ...args);
  }
};
