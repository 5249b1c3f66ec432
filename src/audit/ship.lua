-- Adds a batch of audit records to a stream, together with their statistics, if
-- the batch follows the top of the stream.
-- SPDX-License-Identifier: Apache-2.0
--
-- The id of an entry is its place in the shipper's journal, so the top says how
-- far the stream is. A batch sent twice finds another top the second time and
-- changes nothing; neither records nor sums can be doubled.
--
-- KEYS  1 the stream   2 the set of nodes   3 the set of lists   4... hashes of
--       sums, then lists of records with an end to their keep
-- ARGV  top the batch follows ("0-0": none) | node | most records (0: all)
--       | hashes | records
--       | id, at, end, number of its list (0: none), until, json of each
--       | for each hash: life in seconds | pairs | field, number of each
--       | for each list: its name in the set
-- Returns {1, records added} or {0, the top there is}.

local function top_of(stream)
  if redis.call('EXISTS', stream) == 0 then
    return '0-0'
  end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return info[i + 1]
    end
  end
  return '0-0'
end

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

local stream = KEYS[1]
local top = top_of(stream)
if take() ~= top then
  return {0, top}
end
local node = take()
local most = take()
local hashes = tonumber(take())
local records = tonumber(take())

for _ = 1, records do
  local id, began, ended = take(), take(), take()
  local list, till, json = tonumber(take()), take(), take()
  if list == 0 then
    redis.call('XADD', stream, id, 'at', began, 'end', ended, 'record', json)
  else
    redis.call('XADD', stream, id, 'at', began, 'end', ended, 'until', till,
      'record', json)
    redis.call('RPUSH', KEYS[3 + hashes + list], id .. ' ' .. till)
  end
end
if most ~= '0' then
  redis.call('XTRIM', stream, 'MAXLEN', '~', most)
end
redis.call('SADD', KEYS[2], node)

for i = 4, 3 + hashes do
  local life, pairs_count = take(), tonumber(take())
  for _ = 1, pairs_count do
    local field, by = take(), take()
    redis.call('HINCRBY', KEYS[i], field, by)
  end
  redis.call('EXPIRE', KEYS[i], life)
end
for _ = 4 + hashes, #KEYS do
  redis.call('SADD', KEYS[3], take())
end
return {1, records}
