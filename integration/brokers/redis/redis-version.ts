import type { Question } from '../ask.ts';

/** Asks a Redis for its version, which it says once it has loaded what it stored; before that it answers with LOADING and hangs up. */
export const redisVersion = (host: string, port: number, credentials: readonly string[] = []): Question<string> => ({
  host,
  port,
  bytes: Buffer.from(`${credentials.length > 0 ? `AUTH ${credentials.join(' ')}\r\n` : ''}INFO\r\nPING\r\nQUIT\r\n`),
  read: (answer) => {
    const text = answer.toString('latin1');
    const refusal = /^-(?!LOADING).*/m.exec(text)?.[0];
    if (refusal) throw new Error(`Redis on ${host}:${port} says ${refusal}`);
    const version = /^redis_version:(\S+)/m.exec(text)?.[1];
    return text.includes('+PONG\r\n') && version && !/^loading:1/m.test(text) ? version : undefined;
  },
});
