/** Why a local server cannot be started, and the command that changes it. */
export const notInstalled = (name: string, what: string): Error =>
  new Error(
    `${name} cannot be had as a local process: ${what}. Run npm run brokers (Debian or Ubuntu, as root), ` +
      'or start Docker, or name a running server in the environment; see CONTRIBUTING.md',
  );
