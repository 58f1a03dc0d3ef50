/** Lua: ends the script unless the claim ARGV[2] of group ARGV[1] still stands. KEYS: stream, fences. */
export const fence = `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return redis.error_reply('FENCED the claim on this partition has ended')
end
`;

/**
 * The one consumer name that we use in a group. A partition has one owner at a time, and what fences is the token: so
 * what is pending needs no claim when the owner changes, and no names of dead processes are left in the group.
 */
export const consumerName = 'holdfast';
