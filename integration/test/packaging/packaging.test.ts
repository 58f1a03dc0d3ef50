import assert from 'node:assert/strict';
import { type EmptyProject, emptyProject } from './empty-project.ts';

describe('the packages, installed from their tarballs into an empty project', () => {
  let project: EmptyProject;
  before(async function () {
    this.timeout(120_000);
    project = await emptyProject();
  });
  after(() => project?.remove());

  it('run a first program with plain Node', async () => {
    assert.equal(await project.run('first-steps.js'), 'hello world\n');
  });

  it('type-check a first program, with declarations that are right themselves', async () => {
    await project.typeCheck('typed.ts');
  }).timeout(60_000);

  it('can each be imported by name, and by nothing below it', async () => {
    const names = JSON.stringify(project.packages);
    const counts = JSON.parse(
      await project.evaluate(`
        const counts = {};
        for (const name of ${names}) {
          counts[name] = Object.keys(await import(name)).length;
          const inside = await import(name + '/dist/index.js').catch((error) => error.code);
          if (inside !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw new Error(name + ' lets in: ' + inside);
        }
        console.log(JSON.stringify(counts));
      `),
    );
    for (const name of project.packages) assert.ok(counts[name] > 0, `${name} exports nothing`);
  });

  it('a client of Kafka that is asked for and not installed is named, with how to install it', async () => {
    const said = await project.evaluate(`
      import { kafkaTransport } from '@holdfast/transport-kafka';
      for (const options of [{}, { platformatic: {} }]) {
        const transport = kafkaTransport({ brokers: ['127.0.0.1:1'], ...options });
        await transport.topology.describe('orders').catch(({ code, message }) => console.log(code, message));
        await transport.close();
      }
    `);
    const [kafkajs, platformatic] = said.split('\n');
    assert.match(kafkajs ?? '', /^client_missing .*npm install kafkajs$/);
    assert.match(platformatic ?? '', /^client_missing .*npm install @platformatic\/kafka$/);
  });
});
