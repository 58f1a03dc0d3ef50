export type { PostgresTransportOptions } from './options.ts';
export { postgresTransportSchema } from './schema.ts';
export { postgresTransport } from './transport.ts';
