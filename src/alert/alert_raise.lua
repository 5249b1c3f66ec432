-- Raises an alert once: puts it into the feed and into the queues of its ways.
-- SPDX-License-Identifier: Apache-2.0
--
-- A mark says what the alert is about (which limit, period and part of it). Who sets
-- the last mark first raises; the marks before it are set beside, so that a limit
-- which goes from 40 % to 85 % tells of 80 % alone. A mark that stands is kept for
-- longer: it goes when its cause has been gone for its life.
--
-- The same call twice changes nothing: a mark holds the id that set it.
--
-- KEYS  1 feed   2 the alert   3... queues, then marks
-- ARGV  id | json | life of the alert in seconds | most in the feed | most in a queue
--       | key of an alert without its id | life of marks | number of ways | ways
-- Returns 1 when it was raised, 0 when it was before.

local id, json, life = ARGV[1], ARGV[2], ARGV[3]
local feed_most, queue_most = tonumber(ARGV[4]), tonumber(ARGV[5])
local prefix, mark_life, ways = ARGV[6], ARGV[7], tonumber(ARGV[8])
local is_first = true

for i = 3 + ways, #KEYS do
  if redis.call('SET', KEYS[i], id, 'NX', 'EX', mark_life) then
    is_first = true
  else
    is_first = redis.call('GET', KEYS[i]) == id
    redis.call('EXPIRE', KEYS[i], mark_life)
  end
end
if not is_first then
  return 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], 0, id)
redis.call('HSET', KEYS[2], 'json', json)
for i = 1, ways do
  local queue, way = KEYS[2 + i], ARGV[8 + i]
  if redis.call('HEXISTS', KEYS[2], 'state:' .. way) == 0 then
    if redis.call('ZCARD', queue) < queue_most then
      redis.call('ZADD', queue, now, id)
      redis.call('HSET', KEYS[2], 'state:' .. way, 'waiting')
    else
      redis.call('HSET', KEYS[2], 'state:' .. way, 'dropped')
    end
  end
end
redis.call('EXPIRE', KEYS[2], life)

local more = redis.call('ZCARD', KEYS[1]) - feed_most
if more > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[1], 0, more - 1)) do
    redis.call('DEL', prefix .. old)
  end
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, more - 1)
end
return 1
