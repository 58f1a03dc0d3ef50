/** Lua: `stream_counts(stream)` gives how many entries were ever added to a stream that exists, and how many of them are gone. */
export const streamCounts = `
local function stream_counts(stream)
  local info = redis.call('XINFO', 'STREAM', stream)
  local added, length = 0, 0
  for i = 1, #info, 2 do
    if info[i] == 'entries-added' then added = info[i + 1] end
    if info[i] == 'length' then length = info[i + 1] end
  end
  return added, added - length
end
`;
