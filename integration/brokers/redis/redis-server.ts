import type { Server } from '../server.ts';

/** A real Redis: `url` is `redis://host:port`. */
export interface RedisServer extends Server {
  readonly url: string;
}
