import { freshDatabase, say } from '../../../harness/index.ts';

it('leaves a database', async () => {
  say({ url: (await freshDatabase()).url });
});
