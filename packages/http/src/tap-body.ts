import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The body of a request that others read. */
export interface TappedBody {
  /** Of all of it, once it has come; undefined before, and where somebody read it earlier and left nothing. */
  hash(): string | undefined;
  /** Reads what is left, and gives the same. */
  drain(): Promise<string | undefined>;
}

/** As a body parser leaves it that came before. */
type Parsed = IncomingMessage & { readonly body?: unknown };

/** Hashes what comes in, whoever reads it and however. Call it before anything is awaited, or what came first is missed. */
export const tapBody = (request: Parsed): TappedBody => {
  if (request.readableEnded) {
    const known = hashOfParsed(request.body);
    return { hash: () => known, drain: async () => known };
  }
  const hash = createHash('sha256');
  let digest: string | undefined;
  if (request.readableLength > 0) {
    const early: Buffer | null = request.read();
    if (early !== null) {
      hash.update(early);
      request.unshift(early);
    }
  }
  // All of it had come before.
  if (request.complete) digest = hash.digest('base64url');

  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding) => {
    if (digest === undefined) {
      if (chunk === null) digest = hash.digest('base64url');
      else hash.update(chunk);
    }
    return push(chunk, encoding);
  };
  return {
    hash: () => digest,
    drain: async () => {
      if (digest === undefined) await drained(request);
      return digest;
    },
  };
};

const drained = (request: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    request.once('end', resolve).once('close', resolve).resume();
  });

const hashOfParsed = (body: unknown): string | undefined => {
  if (body === undefined) return undefined;
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return createHash('sha256').update(bytes).digest('base64url');
};
