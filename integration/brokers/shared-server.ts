import { announce } from './announce.ts';
import type { Way } from './server.ts';

interface SharedServer {
  readonly version: string;
  readonly way: Way;
  close(): Promise<void>;
}

export interface SharedServerOptions<S> {
  /** For people. */
  readonly name: string;
  /** The environment's variable that names a server to use in place of a new one. */
  readonly variable: string;
  readonly environment: (value: string) => Promise<S>;
  readonly own: () => Promise<S>;
}

const started = new Set<Promise<SharedServer>>();

/** The one server of its kind in this run: the first use starts it, and the root hooks close it. */
export const sharedServer = <S extends SharedServer>(options: SharedServerOptions<S>): (() => Promise<S>) => {
  let shared: Promise<S> | undefined;
  return () => {
    if (shared === undefined) {
      shared = startShared(options);
      started.add(shared);
    }
    return shared;
  };
};

const startShared = async <S extends SharedServer>(options: SharedServerOptions<S>): Promise<S> => {
  const { [options.variable]: value } = process.env;
  if (!value) return options.own();
  const server = await options.environment(value).catch((cause: unknown) => {
    throw new Error(`${options.variable} names no ${options.name} that answers: ${cause}`, { cause });
  });
  announce(options.name, server);
  return server;
};

/** For the root hooks: closes what shared servers there are. One that did not start has told those who asked for it. */
export const closeSharedServers = async (): Promise<void> => {
  for (const server of await Promise.allSettled(started)) {
    if (server.status === 'fulfilled') await server.value.close();
  }
  started.clear();
};
