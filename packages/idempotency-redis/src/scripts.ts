import { relievingScript, type Script, script } from './script.ts';

/**
 * An entry is the text `state token until owner fingerprint rest`, without a space after the state: `c` claimed, `d` done
 * with the result in rest, `n` done with none, `f` failed with the reason in rest, `r` given back; until in milliseconds of
 * the server's clock. What is empty is `-`. One string, because it is read and written whole.
 *
 * A reply has one text for each key, which begins with its code.
 */
const entries = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function read(entry)
  return string.match(entry, '^(%a)(%d+) (%d+) (%S+) (%S+) (.*)$')
end
`;

/**
 * Claims keys. ARGV: lease and time to be kept in ms, then for each key `owner fingerprint`. Replies: `w` token, `p`
 * milliseconds left, `k` reused, else the state and rest of what is finished. A token is never given twice: it is the time
 * of the server in microseconds, or the one before plus 1.
 */
export const claimScript: Script = script(`${entries}
local micros = t[1] * 1000000 + t[2]
local lease, ttl = tonumber(ARGV[1]), tonumber(ARGV[2])
local keep = text(math.max(lease, ttl))
local fresh = text(micros)
local until_ = ' ' .. text(now + lease) .. ' '
local won = 'w' .. fresh
local begin = 'c' .. fresh .. until_
local reply = {}
for i = 1, #KEYS do
  local claim = ARGV[i + 2]
  local entry = redis.pcall('SET', KEYS[i], begin .. claim .. ' ', 'NX', 'GET', 'PX', keep)
  if type(entry) == 'table' and entry.err then
    -- While memory is full, what is known is still said.
    local refused = entry
    entry = redis.call('GET', KEYS[i])
    if not entry then return refused end
  end
  local answer = won
  if entry then
    answer = nil
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
      redis.call('SET', KEYS[i], 'c' .. token .. until_ .. claim .. ' ', 'PX', keep)
      answer = 'w' .. token
    end
  end
  reply[i] = answer
end
return reply
`);

/** Renews claims. ARGV: lease in ms, then for each key its token. Replies: 1 for each that stands. */
export const renewScript: Script = relievingScript(`${entries}
local lease = tonumber(ARGV[1])
local reply = {}
for i = 1, #KEYS do
  reply[i] = '0'
  local entry = redis.call('GET', KEYS[i])
  if entry then
    local state, token, till, owner, print = read(entry)
    if state == 'c' and token == ARGV[i + 1] then
      local keep = text(math.max(redis.call('PTTL', KEYS[i]), lease))
      redis.call('SET', KEYS[i], 'c' .. token .. ' ' .. text(math.max(tonumber(till), now + lease)) .. ' ' .. owner .. ' ' .. print .. ' ', 'PX', keep)
      reply[i] = '1'
    end
  end
end
return reply
`);

/**
 * Ends claims. ARGV: time to be kept in ms, then for each key its token, and its new state with the rest. Replies: 1 for
 * each that stood, or had been ended so before. What is given back leaves its token for a minute, so that the next one is
 * higher also where the clock is set back.
 */
export const settleScript: Script = relievingScript(`
local function kind(state) return state == 'n' and 'd' or state end
local reply = {}
for i = 1, #KEYS do
  reply[i] = '0'
  local entry = redis.call('GET', KEYS[i])
  if entry then
    local state, token, print = string.match(entry, '^(%a)(%d+) %d+ %S+ (%S+) ')
    local to = ARGV[i * 2 + 1]
    local next = string.sub(to, 1, 1)
    if token == ARGV[i * 2] then
      if state == 'c' then
        if next == 'r' then redis.call('SET', KEYS[i], 'r' .. token .. ' 0 - - ', 'PX', 60000)
        else redis.call('SET', KEYS[i], next .. token .. ' 0 - ' .. print .. ' ' .. string.sub(to, 2), 'PX', ARGV[1]) end
        reply[i] = '1'
      elseif state ~= 'r' and kind(state) == kind(next) then
        reply[i] = '1'
      end
    end
  end
end
return reply
`);

/** What is finished. Replies: its state and rest, or an empty text. */
export const findScript: Script = relievingScript(`${entries}
local reply = {}
for i = 1, #KEYS do
  local entry = redis.call('GET', KEYS[i])
  reply[i] = ''
  if entry then
    local state, token, till, owner, print, rest = read(entry)
    if state ~= 'c' and state ~= 'r' then reply[i] = state .. rest end
  end
end
return reply
`);
