export { type EventuallyOptions, eventually } from './eventually.ts';
export type { Fault } from './network/fault.ts';
export { type ProxyCounts, type TcpProxy, type TcpProxyOptions, tcpProxy } from './network/tcp-proxy.ts';
export { type FreshDatabase, freshDatabase } from './postgres/fresh-database.ts';
export { ownPostgres } from './postgres/own-postgres.ts';
export type { PostgresServer, StopMode, Way } from './postgres/postgres-server.ts';
export { sharedPostgres } from './postgres/shared-postgres.ts';
export { type Line, say, told } from './process/say.ts';
export { type Child, type Ending, spawnChild, type Wanted } from './process/spawn-child.ts';
