import { EventEmitter } from 'node:events';

it('leaks listeners', () => {
  const emitter = new EventEmitter();
  for (let count = 0; count <= 10; count++) emitter.on('event', () => {});
});
