import { relievingScript, type Script } from '../script.ts';
import { consumerName, fence } from './fence.ts';

/**
 * The next entries of a partition, as msgpack: pairs of an id and its fields and values, `false` where the body is gone.
 * KEYS: stream, fences. ARGV: group, token, how many, after which id: '>' for what nobody has been given.
 * Where there is nothing new: the last delivered id, in an array.
 */
export const read: Script = relievingScript(`${fence}
local reply = redis.pcall(
  'XREADGROUP', 'GROUP', ARGV[1], '${consumerName}', 'COUNT', ARGV[3], 'STREAMS', KEYS[1], ARGV[4])
if reply and reply.err then return redis.error_reply(reply.err) end
if reply and #reply[1][2] > 0 then return cmsgpack.pack(reply[1][2]) end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  if group['name'] == ARGV[1] then return { group['last-delivered-id'] } end
end
return {}
`);
