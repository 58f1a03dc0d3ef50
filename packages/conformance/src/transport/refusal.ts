import assert from 'node:assert/strict';
import { isHoldfastError, PublishError } from '@holdfast/core';

/** The `PublishError` that a publish must end in. */
export const refusal = async (publish: () => Promise<void>): Promise<PublishError> => {
  try {
    await publish();
  } catch (error) {
    assert.ok(isHoldfastError(error, 'publish_failed'), `expected a PublishError, found ${error}`);
    assert.ok(error instanceof PublishError);
    return error;
  }
  return assert.fail('publish resolved; expected a PublishError');
};
