import type { Broker } from './kafkajs-internals.ts';
import { decodeFetch } from './record-decoder.ts';

const fetchKey = 1;
const pools = new WeakSet<object>();

/** Lets the broker's connections decode what is fetched by {@link decodeFetch}, and by kafkajs what that does not read. */
export const decodeFast = (broker: Broker): Broker => {
  const pool = broker.connectionPool;
  if (pools.has(pool)) return broker;
  pools.add(pool);
  const send = pool.send.bind(pool);
  pool.send = (call) => {
    const { request, response } = call;
    if (request.apiKey !== fetchKey) return send(call);
    const decode = async (raw: Buffer): Promise<unknown> =>
      decodeFetch(raw, request.apiVersion) ?? response.decode(raw);
    return send({ ...call, response: { ...response, decode } });
  };
  return broker;
};
