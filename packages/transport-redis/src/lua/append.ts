import { type Script, script } from '../script.ts';
import { noRoom } from './room.ts';

/**
 * Appends messages to a partition, in order, all or those before the first that is refused.
 * KEYS: stream. ARGV: messages (msgpack: id, type, key, content type, headers, body; false for none), capacity (0: none),
 * whether the stream is adopted. Returns how many were stored, and why not more: an error's text, or 'FULL' and the
 * slowest group.
 */
export const append: Script = script(`${noRoom}
local messages = cmsgpack.unpack(ARGV[1])
local capacity = tonumber(ARGV[2])
local slowest = capacity > 0 and no_room(KEYS[1], #messages, capacity)
if slowest then return { 0, 'FULL', slowest } end
local xadd = ARGV[3] == '1' and { 'XADD', KEYS[1], 'NOMKSTREAM', '*' } or { 'XADD', KEYS[1], '*' }
local head = #xadd
for at, message in ipairs(messages) do
  local n = head
  for field, name in ipairs({ 'id', 'type', 'key', 'content-type', 'headers', 'body' }) do
    if message[field] then
      xadd[n + 1] = name
      xadd[n + 2] = message[field]
      n = n + 2
    end
  end
  local reply = redis.pcall(unpack(xadd, 1, n))
  if not reply then return { at - 1, 'MISSING' } end
  if type(reply) == 'table' and reply.err then
    -- Nothing is stored: an answer that is an error also says that this is the wrong server to write to.
    if at == 1 then return reply end
    return { at - 1, reply.err }
  end
end
return { #messages }
`);
