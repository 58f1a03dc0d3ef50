/** Given by the first process to those that it starts. A broker may still have what an earlier run did not finish. */
process.env.HOLDFAST_DEMO_RUN ??= Date.now().toString(36);

/** The name of a topic in this run. */
export const topicOf = (name: 'orders' | 'bills'): string => `demo-${process.env.HOLDFAST_DEMO_RUN}-${name}`;
