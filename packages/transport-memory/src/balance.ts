/**
 * Gives every slot to a member that can take it, so that no member could hand one to another that has two fewer.
 * Slots stay with their owner unless balance needs them to move. Pure.
 */
export const balance = <Slot, Member>(
  slots: readonly Slot[],
  members: readonly Member[],
  ownerOf: (slot: Slot) => Member | undefined,
  canTake: (member: Member, slot: Slot) => boolean,
): Map<Slot, Member> => {
  const loads = new Map<Member, number>(members.map((member) => [member, 0]));
  const owners = new Map<Slot, Member>();
  const loadOf = (member: Member): number => loads.get(member) ?? 0;
  const give = (slot: Slot, member: Member): void => {
    const before = owners.get(slot);
    if (before !== undefined) loads.set(before, loadOf(before) - 1);
    owners.set(slot, member);
    loads.set(member, loadOf(member) + 1);
  };
  const leastLoaded = (slot: Slot): Member | undefined => {
    let least: Member | undefined;
    for (const member of members) {
      if (canTake(member, slot) && (least === undefined || loadOf(member) < loadOf(least))) least = member;
    }
    return least;
  };

  for (const slot of slots) {
    const owner = ownerOf(slot);
    if (owner !== undefined && loads.has(owner) && canTake(owner, slot)) give(slot, owner);
  }
  for (const slot of slots) {
    const least = owners.has(slot) ? undefined : leastLoaded(slot);
    if (least !== undefined) give(slot, least);
  }
  for (let moved = true; moved; ) {
    moved = false;
    for (const [slot, owner] of owners) {
      const least = leastLoaded(slot);
      if (least === undefined || loadOf(least) + 1 >= loadOf(owner)) continue;
      give(slot, least);
      moved = true;
    }
  }
  return owners;
};
