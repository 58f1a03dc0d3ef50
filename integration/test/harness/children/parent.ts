/** Owns a server and a child of its own, says where they are, and then waits to be ended. */
import { ownPostgres, say, spawnChild } from '../../../harness/index.ts';

const server = await ownPostgres();
const child = spawnChild(new URL('echo.ts', import.meta.url));
await child.saw({ ready: true });
say({ url: server.url, pid: child.pid });
