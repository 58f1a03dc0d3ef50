import { type Script, script } from '../script.ts';
import { slowestGroup } from './slowest-group.ts';

/**
 * Lua: `no_room(stream, count, capacity)` gives the slowest group ('': none) where so many more do not fit although what
 * every group has settled was dropped; nil where they fit.
 */
export const noRoom: string = `${slowestGroup}
local function no_room(stream, count, capacity)
  if redis.call('XLEN', stream) + count <= capacity then return nil end
  local floor, slowest = slowest_group(stream)
  if floor then redis.call('XTRIM', stream, 'MINID', floor) end
  if redis.call('XLEN', stream) + count <= capacity then return nil end
  return slowest
end
`;

/** Whether so many more fit: 1 or 0. KEYS: stream. ARGV: how many, capacity. */
export const hasRoom: Script = script(`${noRoom}
return no_room(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])) and 0 or 1
`);
