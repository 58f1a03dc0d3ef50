import { relievingScript, type Script } from '../script.ts';
import { consumerName } from './fence.ts';

/**
 * Takes a partition for a claim: whoever had it can neither read nor ack from now on. Also takes over up to 1,000 entries
 * that other consumers of the group have pending, from `from` on.
 * KEYS: stream, fences. ARGV: group, token, from. Returns the last delivered id, how many entries are pending, where to go
 * on taking over ('' when done), then the ids whose bodies are gone.
 */
export const claim: Script = relievingScript(`
local current = redis.call('HGET', KEYS[2], ARGV[1])
if current and tonumber(current) > tonumber(ARGV[2]) then
  return redis.error_reply('FENCED another claim on this partition is newer')
end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
if pending.err then return redis.error_reply(pending.err) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local last = '0-0'
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
  if group['name'] == ARGV[1] then last = group['last-delivered-id'] end
end
local foreign = false
for _, consumer in ipairs(pending[4] or {}) do
  if consumer[1] ~= '${consumerName}' then foreign = true end
end
local reply = { last, tostring(pending[1]), '' }
if not foreign then return reply end
local rows = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', 1000)
local ids = {}
for _, row in ipairs(rows) do
  if row[2] ~= '${consumerName}' then ids[#ids + 1] = row[1] end
end
if #ids > 0 then
  local taken = {}
  -- Without bodies, and without counting it as a delivery. Entries whose body is gone are left out, and are not pending any more.
  local function with_justid(list)
    local all = {}
    for i, id in ipairs(list) do all[i] = id end
    all[#all + 1] = 'JUSTID'
    return all
  end
  local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], '${consumerName}', 0, unpack(with_justid(ids)))
  for _, id in ipairs(claimed) do taken[id] = true end
  for _, id in ipairs(ids) do if not taken[id] then reply[#reply + 1] = id end end
end
if #rows == 1000 then reply[3] = '(' .. rows[#rows][1] end
return reply
`);
