import type { Log } from '@holdfast/core';
import type { Lease } from './lease.ts';

export interface LeaseReleasesOptions {
  readonly scope: string;
  readonly log: Log;
  /** No release is sent while a beat is on its way. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  /** From here on the lease is not held any more. */
  readonly letGo: (lease: Lease) => void;
  readonly send: (leases: readonly Lease[]) => Promise<void>;
}

/**
 * Gives leases back; what is given back while a statement is on its way goes with the next one. Without a lease it only
 * says goodbye. Does not reject: a lease that cannot be given back expires.
 */
export const leaseReleases = (options: LeaseReleasesOptions): ((lease?: Lease) => Promise<void>) => {
  const { scope, log, inTurn, letGo, send } = options;
  const waiting: Lease[] = [];
  let flushing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    flushing = undefined;
    const leases = waiting.splice(0);
    for (const lease of leases) letGo(lease);
    try {
      await send(leases);
    } catch (error) {
      const slots = leases.map(({ slot }) => slot);
      log.warn({ error, scope, slots }, 'leases could not be given back; they will expire');
    }
  };
  return (lease) => {
    if (lease !== undefined) waiting.push(lease);
    flushing ??= inTurn(flush);
    return flushing;
  };
};
