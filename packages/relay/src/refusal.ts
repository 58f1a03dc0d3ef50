/** Why an owner may not go on: somebody else has the shard, or the server is not the one that was read from before. */
export type Refusal = 'lost' | 'restarted';

/** What a fenced statement gave back. */
export const refusalOf = (text: string | null | undefined): Refusal | undefined =>
  text === 'lost' || text === 'restarted' ? text : undefined;
