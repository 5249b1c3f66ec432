-- Adds a batch of audit records to a stream, together with their statistics, if
-- the batch follows the top of the stream.
-- SPDX-License-Identifier: Apache-2.0
--
-- The id of an entry is its place in the shipper's journal, so the top says how
-- far the stream is. A batch sent twice finds another top the second time and
-- changes nothing; neither records nor sums can be doubled.
--
-- KEYS  1 the stream   2 the set of nodes   3... hashes of sums
-- ARGV  top the batch follows ("0-0": none) | node | most records (0: all)
--       | records | id, at, end, json of each
--       | for each hash: life in seconds | pairs | field, number of each
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
local records = tonumber(take())

for _ = 1, records do
  local id, began, ended, json = take(), take(), take(), take()
  redis.call('XADD', stream, id, 'at', began, 'end', ended, 'record', json)
end
if most ~= '0' then
  redis.call('XTRIM', stream, 'MAXLEN', '~', most)
end
redis.call('SADD', KEYS[2], node)

for i = 3, #KEYS do
  local life, pairs_count = take(), tonumber(take())
  for _ = 1, pairs_count do
    local field, by = take(), take()
    redis.call('HINCRBY', KEYS[i], field, by)
  end
  redis.call('EXPIRE', KEYS[i], life)
end
return {1, records}
