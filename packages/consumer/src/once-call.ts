import { OnceTwiceError } from './errors.ts';

/** The one call of `once` that an attempt may make. */
export interface OnceCall {
  state: 'not called' | 'running' | 'done' | 'duplicate' | 'failed';
  /** Settles with the call, and never rejects. */
  ended: Promise<void> | undefined;
  /** Why it failed. */
  error: unknown;
}

export const createOnceCall = (): OnceCall => ({ state: 'not called', ended: undefined, error: undefined });

/** Makes the call. A second one rejects with {@link OnceTwiceError}. */
export const callOnce = <Outcome extends { readonly outcome: 'done' | 'duplicate' }>(
  call: OnceCall,
  id: string,
  run: () => Promise<Outcome>,
): Promise<Outcome> => {
  if (call.state !== 'not called') return Promise.reject(new OnceTwiceError(id));
  call.state = 'running';
  const running = run();
  call.ended = running.then(
    ({ outcome }) => {
      call.state = outcome;
    },
    (error) => {
      call.state = 'failed';
      call.error = error;
    },
  );
  return running;
};

/**
 * For when the handler has returned. One that did not wait for its `once` is not done before that is, and fails with it.
 * A failure that came before is the handler's own decision.
 */
export const finishOnce = async (call: OnceCall): Promise<void> => {
  if (call.state !== 'running') return;
  await call.ended;
  // Control flow analysis does not see that the wait changed it.
  if ((call.state as OnceCall['state']) === 'failed') throw call.error;
};
