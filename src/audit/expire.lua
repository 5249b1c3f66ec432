-- Removes from a stream what has outlived its keep, a bounded number at once.
-- SPDX-License-Identifier: Apache-2.0
--
-- All records of one list are kept equally long, so they expire in the order in
-- which they came: the head of the list is the next to go. Records that the stream
-- has lost by its own bound leave the list with the rest.
--
-- KEYS  1 the stream   2 a list of "id until"   3 the set of lists
-- ARGV  now, in microseconds | most entries looked at | name of the list
-- Returns {entries that left the list, records removed from the stream}.

local function parts(id)
  local high, low = id:match('^(%d+)-(%d+)$')
  return tonumber(high), tonumber(low)
end

local function is_before(a, b)
  local a1, a2 = parts(a)
  local b1, b2 = parts(b)
  return a1 < b1 or (a1 == b1 and a2 < b2)
end

local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local items = redis.call('LRANGE', KEYS[2], 0, most - 1)
local left, removed = 0, 0
for i = 1, #items do
  local id, till = items[i]:match('^(%S+) (%d+)$')
  local is_lost = not first or is_before(id, first[1])
  if not is_lost and tonumber(till) > now then
    break
  end
  if not is_lost then
    removed = removed + redis.call('XDEL', KEYS[1], id)
  end
  left = i
end
if left > 0 then
  redis.call('LTRIM', KEYS[2], left, -1)
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[3], ARGV[3])
end
return {left, removed}
