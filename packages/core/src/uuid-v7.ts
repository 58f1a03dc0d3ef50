const maxCount = 0xfff;

let lastMs = 0;
let count = 0;
/** The time as the id begins with it. */
let prefix = '';

/**
 * A UUID version 7 (RFC 9562): milliseconds, a counter of 12 bits that starts in its lower half, 62 random bits. Those of
 * one process sort in the order in which they were made, also within a millisecond and when the clock goes back.
 *
 * The random bits are those of `crypto.randomUUID`, whose entropy is fetched for many at once: a tenth of the time that
 * asking for 16 bytes each takes.
 */
export const uuidV7 = (now: number): string => {
  const random = crypto.randomUUID();
  if (now > lastMs) {
    begin(now);
    count = Number.parseInt(random.slice(0, 3), 16) >>> 1;
  } else if (count < maxCount) {
    count++;
  } else {
    begin(lastMs + 1);
    count = 0;
  }
  return `${prefix}${(0x7000 + count).toString(16)}${random.slice(18)}`;
};

const begin = (ms: number): void => {
  const time = ms.toString(16).padStart(12, '0');
  lastMs = ms;
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
};
