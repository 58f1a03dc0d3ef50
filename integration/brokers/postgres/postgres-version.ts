import { withClient } from './with-client.ts';

/** Asks the server at `url` for its version, for example `18.4`. */
export const postgresVersion = (url: string): Promise<string> =>
  withClient(url, async (client) => {
    const { rows } = await client.query("select split_part(current_setting('server_version'), ' ', 1) as version");
    return rows[0].version;
  });
