/** Without `appendonly` nothing is stored: a test that restarts its server asks for it. */
const defaults = { save: '', appendonly: 'no' };

/** What `redis-server` is told, `config` after the defaults. */
export const redisArguments = (config: Readonly<Record<string, string>> = {}): string[] =>
  Object.entries({ ...defaults, ...config }).flatMap(([name, value]) => [`--${name}`, value]);
