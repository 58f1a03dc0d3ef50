import { relievingScript, type Script, script } from './script.ts';

/**
 * An entry is the text `state token owner until fingerprint rest`: state `c` claimed, `d` done with the result in rest, `n`
 * done with none, `f` failed with the reason in rest, `r` given back; until in milliseconds of the server's clock. What is
 * empty is `-`. One string, because it is read and written whole.
 */
const entries = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function read(key)
  local entry = redis.call('GET', key)
  if not entry then return nil end
  return string.match(entry, '^(%a) (%d+) (%S+) (%d+) (%S+) (.*)$')
end
local function write(key, ttl, state, token, owner, until_, print, rest)
  redis.call('SET', key, state .. ' ' .. token .. ' ' .. owner .. ' ' .. until_ .. ' ' .. print .. ' ' .. rest, 'PX', ttl)
end
`;

/**
 * Claims keys. ARGV for each: owner, fingerprint, lease in ms, time to be kept in ms.
 * Returns for each a code and a value: `w` token, `p` milliseconds left, `k` reused, else the state and rest of what is
 * finished. A token is never given twice: it is the time of the server in microseconds, or the one before plus 1.
 */
export const claimScript: Script = script(`${entries}
local micros = t[1] * 1000000 + t[2]
local reply = {}
for i, key in ipairs(KEYS) do
  local a = i * 4
  local me, mine, lease, ttl = ARGV[a - 3], ARGV[a - 2], tonumber(ARGV[a - 1]), tonumber(ARGV[a])
  local state, token, owner, until_, print, rest = read(key)
  local code, value
  if state and state ~= 'r' then
    if print ~= '-' and mine ~= '-' and print ~= mine then code, value = 'k', ''
    elseif state ~= 'c' then code, value = state, rest
    elseif owner == me then code, value = 'w', token
    elseif tonumber(until_) > now then code, value = 'p', text(until_ - now)
    end
  end
  if not code then
    code, value = 'w', text(token and math.max(tonumber(token) + 1, micros) or micros)
    write(key, text(math.max(ttl, lease)), 'c', value, me, text(now + lease), mine, '')
  end
  reply[i * 2 - 1], reply[i * 2] = code, value
end
return reply
`);

/** Renews claims. ARGV for each: token, lease in ms. Returns 1 for each that stands. */
export const renewScript: Script = relievingScript(`${entries}
local reply = {}
for i, key in ipairs(KEYS) do
  local lease = tonumber(ARGV[i * 2])
  local state, token, owner, until_, print, rest = read(key)
  if state == 'c' and token == ARGV[i * 2 - 1] then
    local ttl = math.max(redis.call('PTTL', key), lease)
    write(key, text(ttl), 'c', token, owner, text(now + lease), print, '')
    reply[i] = 1
  else
    reply[i] = 0
  end
end
return reply
`);

/**
 * Ends claims. ARGV for each: token, time to be kept in ms, new state, rest. Returns 1 for each that stood. What is given
 * back leaves its token for a minute, so that the next one is higher also where the clock is set back.
 */
export const settleScript: Script = relievingScript(`${entries}
local function same(a, b) return a == b or (a == 'd' and b == 'n') or (a == 'n' and b == 'd') end
local reply = {}
for i, key in ipairs(KEYS) do
  local a = i * 4
  local next = ARGV[a - 1]
  local state, token, owner, until_, print = read(key)
  reply[i] = 0
  if state and token == ARGV[a - 3] then
    if state == 'c' then
      if next == 'r' then write(key, 60000, 'r', token, '-', '0', '-', '')
      else write(key, ARGV[a - 2], next, token, '-', '0', print, ARGV[a]) end
      reply[i] = 1
    elseif state ~= 'r' and same(state, next) then
      reply[i] = 1
    end
  end
end
return reply
`);

/** What is finished: for each key its state and rest, or two empty texts. */
export const findScript: Script = relievingScript(`${entries}
local reply = {}
for i, key in ipairs(KEYS) do
  local state, token, owner, until_, print, rest = read(key)
  local finished = state == 'd' or state == 'n' or state == 'f'
  reply[i * 2 - 1], reply[i * 2] = finished and state or '', finished and rest or ''
end
return reply
`);
