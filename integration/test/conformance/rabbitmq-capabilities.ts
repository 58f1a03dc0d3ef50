import type { Capabilities } from '@holdfast/core';

/** What the RabbitMQ transport declares, whatever its client. */
export const rabbitmqCapabilities: Capabilities = {
  durable: true,
  replay: false,
  seek: false,
  failsSuffix: false,
  maxHoldMs: 900_000,
  maxBodyBytes: 1_048_576,
  balances: true,
};
