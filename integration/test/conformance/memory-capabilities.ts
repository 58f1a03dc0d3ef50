import type { Capabilities } from '@holdfast/core';

/** What the memory transport must declare. */
export const memoryCapabilities: Capabilities = {
  durable: false,
  replay: true,
  seek: true,
  failsSuffix: true,
  maxHoldMs: Number.MAX_SAFE_INTEGER,
  maxBodyBytes: 1_048_576,
  balances: false,
};
