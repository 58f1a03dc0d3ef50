import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A schema that lets everything pass, so that a test sees only what the codec does. */
export const anything: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
