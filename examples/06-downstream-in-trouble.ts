import { bulkhead, circuitBreaker, combine, constant, isRejection, retry, retryBudget, timeout } from 'holdfast';

/** A downstream that is down for its first calls. */
const bank = {
  asked: 0,
  charge: async (_signal: AbortSignal) => {
    bank.asked += 1;
    if (bank.asked <= 3) throw new Error('503');
    return 'charged';
  },
};

// One policy for one downstream, made once and shared by all calls. The first listed is outermost.
const breaker = circuitBreaker({ name: 'bank', failures: 3, openForMs: 1_000, rampMs: 0 });
const slots = bulkhead({ name: 'bank', slots: 10, queue: 100 });
const callBank = combine(
  timeout({ timeoutMs: 10_000 }), // for all attempts together
  slots, // at most 10 calls at once; 100 more wait
  retry({
    attempts: 3,
    backoff: constant({ delayMs: 1 }),
    budget: retryBudget({ share: 0.1 }), // in the long run one retry for ten successes
    unless: isRejection, // a circuit that is open is not waited for
  }),
  breaker, // sees every attempt
  timeout({ timeoutMs: 1_000 }), // for each attempt
);

const recovered = new Promise<void>((resolve) => {
  breaker.onChange(({ name }) => {
    console.log(`the circuit is ${name}`);
    if (name === 'half-open') resolve();
  });
});
const { signal } = new AbortController(); // of the request that is served
const charge = () => callBank(bank.charge, signal).catch((error: Error) => `not charged: ${error.message}`);

console.log(await charge()); // three attempts
await charge(); // not one attempt
console.log(`asked ${bank.asked} times, rejected ${breaker.state.rejected}`);
await recovered;
console.log(await charge());
console.log(`${slots.state.running} running, ${slots.state.waiting} waiting`);
