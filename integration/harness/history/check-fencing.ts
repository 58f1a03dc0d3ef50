import type { Entry } from './entry.ts';
import type { Violation } from './violation.ts';

/** V9: under one claim the epochs of successful writes never decrease, and an epoch has one owner. */
export const checkFencing = (history: readonly Entry[]): Violation[] => {
  const claims = new Map<string, Claim>();
  return history.flatMap((write) => {
    const { f, type, key = '', epoch } = write;
    if (f !== 'write' || type !== 'ok' || epoch === undefined) return [];
    const claim = claims.get(key) ?? { highest: 0n, owners: new Map() };
    claims.set(key, claim);
    return violationsOf(claim, { ...write, key, epoch });
  });
};

interface Claim {
  highest: bigint;
  readonly owners: Map<string, string>;
}

const violationsOf = (claim: Claim, { id, key, epoch, p }: Entry & { key: string; epoch: string }): Violation[] => {
  const owner = claim.owners.get(epoch) ?? p;
  claim.owners.set(epoch, owner);
  if (BigInt(epoch) < claim.highest) {
    return [{ invariant: 'V9', id, key, found: `${p} wrote under epoch ${epoch} after epoch ${claim.highest}` }];
  }
  claim.highest = BigInt(epoch);
  if (owner === p) return [];
  return [{ invariant: 'V9', id, key, found: `${p} wrote under epoch ${epoch}, which is of ${owner}` }];
};
