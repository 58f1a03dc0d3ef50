import { relievingScript, type Script } from '../script.ts';

/**
 * The groups of a partition: name, pending, not delivered yet. Where Redis cannot say how many (after a seek), they are
 * counted, up to 100,000. KEYS: stream.
 */
export const readGroups: Script = relievingScript(`
local reply = {}
if redis.call('EXISTS', KEYS[1]) == 0 then return reply end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  local lag = group['lag']
  if not lag then
    lag = 0
    local from = '(' .. group['last-delivered-id']
    repeat
      local rows = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 500)
      lag = lag + #rows
      if #rows > 0 then from = '(' .. rows[#rows][1] end
    until #rows < 500 or lag >= 100000
  end
  reply[#reply + 1] = group['name']
  reply[#reply + 1] = group['pending']
  reply[#reply + 1] = lag
end
return reply
`);

/** Moves a group: nothing is pending any more, and `id` counts as delivered. KEYS: stream. ARGV: group, id. */
export const moveGroup: Script = relievingScript(`
repeat
  local rows = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  if #ids > 0 then redis.call('XACK', KEYS[1], ARGV[1], unpack(ids)) end
until #rows < 1000
return redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2])
`);
