let turn: Promise<void> | undefined;

/** The event loop's next turn, which all who ask for it in one turn share. */
export const nextTurn = (): Promise<void> => {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
};
