import type { Delivery } from '@holdfast/core';

/** Which handlers run, and whether another one may start. */
export interface RunningHandlers {
  /** False from `shut` on, and where the claim on the message has ended: its handler must not start any more. */
  mayStart(delivery: Pick<Delivery, 'signal'>): boolean;
  /** So many messages are with a handler from now on. */
  enter(messages: number): void;
  leave(messages: number): void;
  /** How many messages are with a handler. */
  readonly messages: number;
  /** Lets no handler start any more. */
  shut(): void;
}

export const createRunningHandlers = (): RunningHandlers => {
  let open = true;
  let running = 0;
  return {
    mayStart: ({ signal }) => open && !signal.aborted,
    enter: (messages) => {
      running += messages;
    },
    leave: (messages) => {
      running -= messages;
    },
    get messages() {
      return running;
    },
    shut: () => {
      open = false;
    },
  };
};
