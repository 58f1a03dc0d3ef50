import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { callOnce, createOnceCall, finishOnce } from '../src/once-call.ts';

const done = { outcome: 'done', value: 1 } as const;

describe('the one call of once in an attempt', () => {
  it('gives what the call gives, and refuses a second one by name', async () => {
    const call = createOnceCall();
    assert.deepEqual(await callOnce(call, 'm-1', async () => done), done);
    let ran = false;
    const second = callOnce(call, 'm-1', async () => {
      ran = true;
      return done;
    });
    await assert.rejects(second, (error) => isHoldfastError(error, 'once_called_twice') && /'m-1'/.test(error.message));
    assert.equal(ran, false);
  });

  it('refuses a second one also after the first has failed: the handler must not go on as if it had not', async () => {
    const call = createOnceCall();
    await assert.rejects(callOnce(call, 'm-1', () => Promise.reject(new Error('rolled back'))));
    await assert.rejects(
      callOnce(call, 'm-1', async () => done),
      (error) => isHoldfastError(error, 'once_called_twice'),
    );
  });

  it('is waited for when the handler did not, and its failure is the attempt’s', async () => {
    const call = createOnceCall();
    const working = Promise.withResolvers<typeof done>();
    void callOnce(call, 'm-1', () => working.promise).catch(() => {});
    let finished = false;
    const finishing = finishOnce(call).finally(() => {
      finished = true;
    });
    await new Promise(setImmediate);
    assert.equal(finished, false);
    working.reject(new Error('rolled back'));
    await assert.rejects(finishing, /rolled back/);
  });

  it('leaves a failure that the handler has seen to the handler', async () => {
    const call = createOnceCall();
    await callOnce(call, 'm-1', () => Promise.reject(new Error('rolled back'))).catch(() => {});
    await finishOnce(call);
    assert.equal(call.state, 'failed');
  });
});
