/** By row: where a gate or a goal is not reached, the profile that says why, what was tried, what the limit is. */
export const limits: Readonly<Record<number, string>> = {
  1:
    'CPU of client and server together, by `/proc`: the business transaction takes 720–920 µs; with three rows inserted by ' +
    'hand, in one statement and into a table with one index, 1,060–1,270 µs. So about 0.7 is what any outbox reaches here ' +
    'that spends a round trip; a round trip with `select $1` alone costs 190 µs of it.',
};
