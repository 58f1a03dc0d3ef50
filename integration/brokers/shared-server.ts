interface Closable {
  close(): Promise<void>;
}

const started = new Set<Promise<Closable>>();

/** The one server of its kind in this run: the first use starts it, the root hooks close it. */
export const sharedServer = <S extends Closable>(start: () => Promise<S>): (() => Promise<S>) => {
  let shared: Promise<S> | undefined;
  return () => {
    if (shared === undefined) {
      shared = start();
      started.add(shared);
    }
    return shared;
  };
};

/** For the root hooks: closes what shared servers there are. One that did not start has told those who asked for it. */
export const closeSharedServers = async (): Promise<void> => {
  for (const server of await Promise.allSettled(started)) {
    if (server.status === 'fulfilled') await server.value.close();
  }
  started.clear();
};
