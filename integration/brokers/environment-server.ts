import type { Server } from './server.ts';

/** A server that the environment names in `variable`, which is not ours: it cannot be stopped, and closing it does nothing. */
export const environmentServer = (variable: string, version: string): Server => {
  const notOurs = async (): Promise<never> => {
    throw new Error(
      `the server of ${variable} is not ours to stop; a test that stops its server starts one of its own`,
    );
  };
  return {
    version,
    way: 'environment',
    start: notOurs,
    stop: notOurs,
    pause: notOurs,
    resume: notOurs,
    close: async () => {},
  };
};
