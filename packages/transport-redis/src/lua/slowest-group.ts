/**
 * Lua: `slowest_group(stream)` gives the id up to which, itself not included, every group has settled everything, and the
 * group that holds it there. Without groups nothing holds anything: nil.
 */
export const slowestGroup = `
local function before(a, b)
  local a_ms, a_seq = a:match('^(%d+)-(%d+)$')
  local b_ms, b_seq = b:match('^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return #a_ms < #b_ms or (#a_ms == #b_ms and a_ms < b_ms) end
  return #a_seq < #b_seq or (#a_seq == #b_seq and a_seq < b_seq)
end
local function after(id)
  local ms, seq = id:match('^(%d+)-(%d+)$')
  -- The last of a millisecond: what follows is in the next one. Numbers of Lua are exact up to 2^53 only.
  if #seq > 15 then return string.format('%.0f', tonumber(ms) + 1) .. '-0' end
  return ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
end
local function slowest_group(stream)
  local floor, slowest = nil, ''
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    local settled = after(group['last-delivered-id'])
    if group['pending'] > 0 then settled = redis.call('XPENDING', stream, group['name'])[2] end
    if not floor or before(settled, floor) then floor, slowest = settled, group['name'] end
  end
  return floor, slowest
end
`;
