import { relievingScript, type Script, script } from '../script.ts';
import { streamCounts } from './stream-counts.ts';

/**
 * Makes a group, with its count of what it has read: from it Redis knows the group's lag, and a read what was trimmed
 * unread. KEYS: stream. ARGV: group, `0` or `$`, then MKSTREAM where the stream may be made.
 */
export const createGroup: Script = script(`${streamCounts}
local read = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local added, gone = stream_counts(KEYS[1])
  read = ARGV[2] == '$' and added or gone
end
return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], unpack({ ARGV[3], 'ENTRIESREAD', read }, ARGV[3] and 1 or 2))
`);

/** The groups of a partition: name, pending, not delivered yet ('': Redis cannot say), last delivered id. KEYS: stream. */
export const readGroups: Script = relievingScript(`
local reply = {}
if redis.call('EXISTS', KEYS[1]) == 0 then return reply end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  reply[#reply + 1] = group['name']
  reply[#reply + 1] = group['pending']
  reply[#reply + 1] = group['lag'] or ''
  reply[#reply + 1] = group['last-delivered-id']
end
return reply
`);

/** How many entries there are after an id, up to 1,000, and the id of the last of them. KEYS: stream. ARGV: id. */
export const countAfter: Script = relievingScript(`
local rows = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1000)
return { #rows, #rows > 0 and rows[#rows][1] or ARGV[1] }
`);

/** Moves a group: nothing is pending any more, and `id` counts as delivered. KEYS: stream. ARGV: group, id. */
export const moveGroup: Script = relievingScript(`${streamCounts}
repeat
  local rows = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  if #ids > 0 then redis.call('XACK', KEYS[1], ARGV[1], unpack(ids)) end
until #rows < 1000
local added, gone = stream_counts(KEYS[1])
local read = ({ ['0'] = gone, ['$'] = added })[ARGV[2]]
if read then return redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', read) end
return redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2])
`);
