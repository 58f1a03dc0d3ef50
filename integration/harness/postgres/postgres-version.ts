import { Client } from 'pg';

/** Connects to `url` and asks for the server's version, for example `18.4`. */
export const postgresVersion = async (url: string): Promise<string> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query("select split_part(current_setting('server_version'), ' ', 1) as version");
    return rows[0].version;
  } finally {
    await client.end();
  }
};
