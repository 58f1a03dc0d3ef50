import { createHash } from 'node:crypto';

/** A request whose body is hashed as it is read. */
export interface HashedRequest {
  readonly request: Request;
  /** Of the body, when it has been read to its end. */
  hash(): string | undefined;
}

/** The body goes through untouched, chunk by chunk. The request that is read aborts with `signal`. */
export const hashWhileRead = (request: Request, signal: AbortSignal): HashedRequest => {
  const hash = createHash('sha256');
  if (request.body === null) {
    const empty = hash.digest('base64url');
    return { request: new Request(request, { signal }), hash: () => empty };
  }
  let digest: string | undefined;
  const passing = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      hash.update(chunk);
      controller.enqueue(chunk);
    },
    flush: () => {
      digest = hash.digest('base64url');
    },
  });
  // `duplex` is demanded of a streaming body, and not known to every library of types.
  const init: RequestInit & { duplex: 'half' } = {
    ...{ signal, body: request.body.pipeThrough(passing), duplex: 'half' },
  };
  return { request: new Request(request, init), hash: () => digest };
};

/** Of a body that nobody else reads. */
export const hashBody = async ({ body }: Request): Promise<string> => {
  const hash = createHash('sha256');
  if (body !== null) for await (const chunk of body) hash.update(chunk);
  return hash.digest('base64url');
};
