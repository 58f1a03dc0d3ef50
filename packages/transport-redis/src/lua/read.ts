import { relievingScript, type Script } from '../script.ts';
import { consumerName, fence } from './fence.ts';
import { streamCounts } from './stream-counts.ts';

/** The first word of the reply where entries were trimmed before the group was given them. */
export const missed = 'MISSED';

/**
 * The next entries of a partition, as msgpack: pairs of an id and its fields and values, `false` where the body is gone.
 * KEYS: stream, fences. ARGV: group, token, how many, after which id: '>' for what nobody has been given, the newest that
 * the group was given as far as the caller knows.
 * Where there is nothing new: the last delivered id, in an array. Where somebody trimmed what the group had not been given:
 * MISSED and how many, once, and nothing is read. That cannot be while the entry before is still there, so Redis's counts,
 * which cost more, are looked at only where it is not.
 */
export const read: Script = relievingScript(`${fence}${streamCounts}
local function group_info()
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    if group['name'] == ARGV[1] then return group end
  end
end
local function trimmed_unread()
  local group = group_info()
  -- Redis has lost count of what the group has read.
  if not group or not group['entries-read'] then return 0 end
  local _, gone = stream_counts(KEYS[1])
  local unread = gone - group['entries-read']
  if unread > 0 then
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], group['last-delivered-id'], 'ENTRIESREAD', gone)
  end
  return unread
end
if ARGV[4] == '>' and redis.call('EXISTS', KEYS[1]) == 1 and #redis.call('XRANGE', KEYS[1], ARGV[5], ARGV[5]) == 0 then
  local unread = trimmed_unread()
  if unread > 0 then return { '${missed}', tostring(unread) } end
end
local reply = redis.pcall(
  'XREADGROUP', 'GROUP', ARGV[1], '${consumerName}', 'COUNT', ARGV[3], 'STREAMS', KEYS[1], ARGV[4])
if reply and reply.err then return redis.error_reply(reply.err) end
if reply and #reply[1][2] > 0 then return cmsgpack.pack(reply[1][2]) end
local group = group_info()
return group and { group['last-delivered-id'] } or {}
`);
