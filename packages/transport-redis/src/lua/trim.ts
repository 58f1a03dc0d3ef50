import { relievingScript, type Script } from '../script.ts';
import { slowestGroup } from './slowest-group.ts';

/**
 * Drops what every group has settled and what is older than asked for. KEYS: stream. ARGV: the age to keep, in ms.
 * Returns how many were dropped, how many are left, and of each group its name, how long ago, in
 * ms, its oldest unsettled message came (0: none), and how many of its entries are pending.
 */
export const trim: Script = relievingScript(`${slowestGroup}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, 0 } end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local old = string.format('%.0f', math.max(0, now - tonumber(ARGV[1]))) .. '-0'
local floor = slowest_group(KEYS[1])
if floor and before(floor, old) then old = floor end
local dropped = redis.call('XTRIM', KEYS[1], 'MINID', '~', old)
local reply = { dropped, redis.call('XLEN', KEYS[1]) }
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  local oldest
  if group['pending'] > 0 then
    oldest = redis.call('XPENDING', KEYS[1], group['name'])[2]
  else
    local next = redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
    oldest = next and next[1]
  end
  reply[#reply + 1] = group['name']
  reply[#reply + 1] = oldest and math.max(1, now - tonumber(oldest:match('^%d+'))) or 0
  reply[#reply + 1] = group['pending']
end
return reply
`);
