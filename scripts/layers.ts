/**
 * The layers of the design, lowest first, by folder of `packages/`: the one table that the checks read.
 * A package imports packages of lower layers only, never of its own.
 */
const layers: readonly (readonly string[])[] = [
  ['core'],
  ['flow'],
  ['policies', 'postgres', 'idempotency', 'supervisor', 'telemetry'],
  [
    'relay',
    'transport-memory',
    'transport-kafka',
    'transport-rabbitmq',
    'transport-redis',
    'transport-postgres',
    'idempotency-redis',
    'idempotency-postgres',
  ],
  ['outbox', 'inbox'],
  ['dead-letter', 'http'],
  ['consumer'],
  ['saga'],
  ['cli', 'conformance'],
  ['holdfast'],
];

/** Which layer a folder of `packages/` is in, from 1; 0 where the table does not name it. */
export const layerOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder)) + 1;

/** Whether one folder of `packages/` may import another: downwards only, and a transport is the user's choice. */
export const mayImport = (importer: string, imported: string): boolean =>
  layerOf(imported) > 0 &&
  layerOf(imported) < layerOf(importer) &&
  (!imported.startsWith('transport-') || importer === 'conformance');
