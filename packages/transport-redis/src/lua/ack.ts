import { relievingScript, type Script } from '../script.ts';
import { fence } from './fence.ts';

/** Acks entries of a partition. KEYS: stream, fences. ARGV: group, token, ids. Returns how many were pending. */
export const ackEntries: Script = relievingScript(`${fence}
local acked = 0
for from = 3, #ARGV, 1000 do
  acked = acked + redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, from, math.min(from + 999, #ARGV)))
end
return acked
`);
