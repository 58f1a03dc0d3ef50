import { relievingScript, type Script } from '../script.ts';

/** What both scripts know of leases. A lease is the text `epoch owner until releasing`; owner `-`: free. */
const leases = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function decode(value)
  local epoch, owner, expires, releasing = value:match('^(%d+) (%S+) (%d+) ([01])$')
  return { epoch = epoch, owner = owner, expires = tonumber(expires), releasing = releasing == '1' }
end
local function store(slot, lease)
  redis.call('HSET', KEYS[1], slot,
    lease.epoch .. ' ' .. lease.owner .. ' ' .. text(lease.expires) .. ' ' .. (lease.releasing and '1' or '0'))
end
local function all()
  local known = {}
  local rows = redis.call('HGETALL', KEYS[1])
  for i = 1, #rows, 2 do known[tonumber(rows[i])] = decode(rows[i + 1]) end
  return known
end
`;

/**
 * One beat of one member: registers it, renews what it holds, marks what is above its fair share for giving back, takes
 * free slots up to the share. An epoch is never used twice, also when all of this was lost in between: it is the time of
 * the server in microseconds, or the one before plus 1.
 * KEYS: leases, members. ARGV: owner, slots, lease in ms, whether it leaves, channel, then slot and epoch of each held.
 * Returns how many slots of its share others hold, how many members there are, then slot, epoch and releasing of each.
 */
export const beat: Script = relievingScript(`${leases}
local micros = t[1] * 1000000 + t[2]
local me, slots, lease_ms, leaving = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local held = {}
for i = 6, #ARGV, 2 do held[tonumber(ARGV[i])] = ARGV[i + 1] end

local members, joined = 0, not leaving
local rows = redis.call('HGETALL', KEYS[2])
for i = 1, #rows, 2 do
  if tonumber(rows[i + 1]) <= now or (leaving and rows[i] == me) then
    redis.call('HDEL', KEYS[2], rows[i])
  elseif rows[i] == me then
    joined = false
  else
    members = members + 1
  end
end
if not leaving then
  members = members + 1
  redis.call('HSET', KEYS[2], me, text(now + lease_ms))
end

local known, mine, shares = all(), {}, {}
for slot, lease in pairs(known) do
  if lease.owner == me then
    -- What the caller no longer believes in is free again, under a new epoch.
    lease.expires = held[slot] == lease.epoch and now + lease_ms or 0
    store(slot, lease)
  end
  if lease.owner ~= '-' and lease.expires > now and slot < slots and not lease.releasing then
    if lease.owner == me then mine[#mine + 1] = slot else shares[lease.owner] = (shares[lease.owner] or 0) + 1 end
  end
end

local want = 0
if not leaving then
  local floor, extra, above, before = math.floor(slots / members), slots % members, 0, 0
  for owner, count in pairs(shares) do
    if count > floor then
      above = above + 1
      if owner < me then before = before + 1 end
    end
  end
  table.sort(mine)
  for at = #mine, floor + (before < extra and 1 or 0) + 1, -1 do
    known[mine[at]].releasing = true
    store(mine[at], known[mine[at]])
  end
  want = floor + (above < extra and 1 or 0) - #mine
  for slot = 0, slots - 1 do
    local lease = known[slot]
    if want > 0 and (not lease or lease.owner == '-' or lease.expires <= now) then
      local epoch = lease and math.max(tonumber(lease.epoch) + 1, micros) or micros
      known[slot] = { epoch = text(epoch), owner = me, expires = now + lease_ms, releasing = false }
      store(slot, known[slot])
      want = want - 1
    end
  end
  -- The others hold more than their share: wake them once, then they see it at their own next beat.
  if joined and want > 0 then redis.call('PUBLISH', ARGV[5], '') end
end
for key = 1, 2 do redis.call('PEXPIRE', KEYS[key], text(math.max(60000, lease_ms * 10))) end

local reply = { text(math.max(want, 0)), text(members) }
for slot, lease in pairs(known) do
  if lease.owner == me and lease.expires > now then
    reply[#reply + 1] = text(slot)
    reply[#reply + 1] = lease.epoch
    reply[#reply + 1] = lease.releasing and '1' or '0'
  end
end
return reply
`);

/** Gives slots back and tells the others. KEYS: leases, members. ARGV: owner, whether it leaves, channel, then slot and epoch of each. */
export const release: Script = relievingScript(`${leases}
local known = all()
for i = 4, #ARGV, 2 do
  local slot = tonumber(ARGV[i])
  local lease = known[slot]
  if lease and lease.owner == ARGV[1] and lease.epoch == ARGV[i + 1] then
    store(slot, { epoch = lease.epoch, owner = '-', expires = 0, releasing = false })
  end
end
if ARGV[2] == '1' then redis.call('HDEL', KEYS[2], ARGV[1]) end
redis.call('PUBLISH', ARGV[3], '')
return 1
`);

/** How many members of a group live. KEYS: members. */
export const countMembers: Script = relievingScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local living = 0
for _, expires in ipairs(redis.call('HVALS', KEYS[1])) do
  if tonumber(expires) > now then living = living + 1 end
end
return living
`);
