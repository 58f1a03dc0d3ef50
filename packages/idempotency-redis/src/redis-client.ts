/** What is used of a client of ioredis 5 or 6, or of its cluster client. */
export interface RedisClient {
  readonly status: string;
  readonly isCluster?: boolean | undefined;
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(lua: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  info(section: string): Promise<string>;
  /** Of a cluster client. */
  nodes?(role: 'master'): readonly Pick<RedisClient, 'info'>[];
}
