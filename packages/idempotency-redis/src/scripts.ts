import { relievingScript, type Script, script } from './script.ts';

/**
 * An entry is the text `state token until owner fingerprint rest`, without a space after the state: `c` claimed, `d` done
 * with the result in rest, `n` done with none, `f` failed with the reason in rest, `r` given back; until in milliseconds of
 * the server's clock. What is empty is `-`. One string, because it is read and written whole.
 *
 * A reply is the text that most keys get, then the place and the text of each key that gets another. A text begins with its
 * code.
 */
const replies = `
local reply = {}
local function tell(place, answer)
  reply[#reply + 1] = place
  reply[#reply + 1] = answer
end
`;
const entries = `${replies}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function read(entry)
  return string.match(entry, '^(%a)(%d+) (%d+) (%S+) (%S+) (.*)$')
end
`;

/**
 * Claims keys. ARGV: lease and time to be kept in ms, then `owner fingerprint` for all keys, or for each. Replies: `w` token,
 * `p` milliseconds left, `k` reused, else the state and rest of what is finished. A token is never given twice: it is the
 * time of the server in microseconds, or the one before plus 1.
 */
export const claimScript: Script = script(`${entries}
local pcall = redis.pcall
local keys, claims = KEYS, ARGV
local micros = t[1] * 1000000 + t[2]
local lease, ttl = tonumber(claims[1]), tonumber(claims[2])
local keep = text(now + math.max(lease, ttl))
local fresh = text(micros)
local until_ = ' ' .. text(now + lease) .. ' '
local begin = 'c' .. fresh .. until_
local function entryOf(claim) return begin .. claim .. ' ' end
local each = #claims > 3
local claim = claims[3]
local new = entryOf(claim)
reply[1] = 'w' .. fresh
for i = 1, #keys do
  if each then
    claim = claims[i + 2]
    new = entryOf(claim)
  end
  local entry = pcall('SET', keys[i], new, 'NX', 'GET', 'PXAT', keep)
  if type(entry) == 'table' and entry.err then
    -- While memory is full, what is known is still said.
    local refused = entry
    entry = redis.call('GET', keys[i])
    if not entry then return refused end
  end
  if entry then
    local answer
    local state, known, till, owner, print, rest = read(entry)
    if state ~= 'r' then
      local me, mine = string.match(claim, '^(%S+) (%S+)$')
      if print ~= '-' and mine ~= '-' and print ~= mine then answer = 'k'
      elseif state ~= 'c' then answer = state .. rest
      elseif owner == me then answer = 'w' .. known
      elseif tonumber(till) > now then answer = 'p' .. text(till - now)
      end
    end
    if not answer then
      local token = text(math.max(tonumber(known) + 1, micros))
      redis.call('SET', keys[i], 'c' .. token .. until_ .. claim .. ' ', 'PXAT', keep)
      answer = 'w' .. token
    end
    tell(i, answer)
  end
end
return reply
`);

/** Renews claims. ARGV: lease in ms, then for each key its token. Replies: 1 for each that stands, else 0. */
export const renewScript: Script = relievingScript(`${entries}
local lease = tonumber(ARGV[1])
reply[1] = '1'
for i = 1, #KEYS do
  local stands = false
  local entry = redis.call('GET', KEYS[i])
  if entry then
    local state, token, till, owner, print = read(entry)
    if state == 'c' and token == ARGV[i + 1] then
      local keep = text(math.max(redis.call('PTTL', KEYS[i]), lease))
      redis.call('SET', KEYS[i], 'c' .. token .. ' ' .. text(math.max(tonumber(till), now + lease)) .. ' ' .. owner .. ' ' .. print .. ' ', 'PX', keep)
      stands = true
    end
  end
  if not stands then tell(i, '0') end
end
return reply
`);

/**
 * Ends claims. ARGV: time to be kept in ms, then for each key its token, and its new state with the rest. Replies: 1 for
 * each that stood, or had been ended so before, else 0. What is given back leaves its token for a minute, so that the next
 * one is higher also where the clock is set back.
 */
export const settleScript: Script = relievingScript(`${replies}
local function kind(state) return state == 'n' and 'd' or state end
reply[1] = '1'
for i = 1, #KEYS do
  local stood = false
  local entry = redis.call('GET', KEYS[i])
  if entry then
    local state, token, print = string.match(entry, '^(%a)(%d+) %d+ %S+ (%S+) ')
    local to = ARGV[i * 2 + 1]
    local next = string.sub(to, 1, 1)
    if token == ARGV[i * 2] then
      if state == 'c' then
        if next == 'r' then redis.call('SET', KEYS[i], 'r' .. token .. ' 0 - - ', 'PX', 60000)
        else redis.call('SET', KEYS[i], next .. token .. ' 0 - ' .. print .. ' ' .. string.sub(to, 2), 'PX', ARGV[1]) end
        stood = true
      elseif state ~= 'r' and kind(state) == kind(next) then
        stood = true
      end
    end
  end
  if not stood then tell(i, '0') end
end
return reply
`);

/** What is finished. Replies: its state and rest, or an empty text. */
export const findScript: Script = relievingScript(`${entries}
reply[1] = ''
for i = 1, #KEYS do
  local entry = redis.call('GET', KEYS[i])
  if entry then
    local state, token, till, owner, print, rest = read(entry)
    if state ~= 'c' and state ~= 'r' then tell(i, state .. rest) end
  end
end
return reply
`);
