/**
 * How long a broker may hold a request for new records. While nothing else is needed of it that is the longest; while some of
 * its partitions are not asked about because enough of them is here, they may be needed any moment, and it answers one
 * request after another: then it starts short, and grows with each answer that has nothing.
 */
export interface Patience {
  waitMs(leader: number, asksAll: boolean): number;
  answered(leader: number, anything: boolean): void;
}

const shortestMs = 2;

export const createPatience = (longestMs: number): Patience => {
  const waits = new Map<number, number>();
  return {
    waitMs: (leader, asksAll) => (asksAll ? longestMs : Math.min(longestMs, waits.get(leader) ?? shortestMs)),
    answered: (leader, anything) => {
      if (anything) waits.delete(leader);
      else waits.set(leader, Math.min(longestMs, (waits.get(leader) ?? shortestMs) * 2));
    },
  };
};
