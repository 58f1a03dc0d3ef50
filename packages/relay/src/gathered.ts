interface Call<Ask, Answer> {
  readonly ask: Ask;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs together what is asked for in one turn of the event loop; `run` answers in the order of what was asked. Does not
 * wait for what is under way. When `run` rejects, all that were asked together do.
 */
export const gathered = <Ask, Answer>(
  run: (asks: readonly Ask[]) => Promise<readonly Answer[]>,
): ((ask: Ask) => Promise<Answer>) => {
  let calls: Call<Ask, Answer>[] = [];

  const runAll = async (): Promise<void> => {
    const together = calls;
    calls = [];
    try {
      const answers = await run(together.map(({ ask }) => ask));
      for (const [index, { resolve }] of together.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  };
  return (ask) =>
    new Promise((resolve, reject) => {
      if (calls.push({ ask, resolve, reject }) === 1) setImmediate(() => void runAll());
    });
};
