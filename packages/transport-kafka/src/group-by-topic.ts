/** What concerns partitions, as the protocol's requests want it: under its topic. */
export const groupByTopic = <P extends { readonly topic: string }, T>(
  places: readonly P[],
  of: (place: P) => T,
): { readonly topic: string; readonly partitions: readonly T[] }[] => {
  const topics = new Map<string, T[]>();
  for (const place of places) {
    const partitions = topics.get(place.topic);
    if (partitions === undefined) topics.set(place.topic, [of(place)]);
    else partitions.push(of(place));
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
};
