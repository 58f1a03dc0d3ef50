import { spawnChild } from '../../../harness/index.ts';

it('leaves a child', () => {
  spawnChild(new URL('../children/echo.ts', import.meta.url));
});
