import { combine, constant, retry, timeout } from 'holdfast';

// Policies know no messages: they go around any call that takes a signal.
const patient = combine(
  timeout({ timeoutMs: 10_000 }), // for all attempts together
  retry({ attempts: 3, backoff: constant({ delayMs: 5 }) }),
  timeout({ timeoutMs: 1_000 }), // for each attempt
);

let calls = 0;
const answer = await patient(async () => {
  calls += 1;
  if (calls < 3) throw new Error('not yet');
  return 42;
}, new AbortController().signal);
console.log(`${answer} after ${calls} calls`);
