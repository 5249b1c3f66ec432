-- How a try to send an alert one way has ended.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS  1 queue of the way   2 the alert   3 dead letters
-- ARGV  id | way | sent, retry or dead | milliseconds until the next try | words
--       | moment, as it is shown | most dead letters

local id, way, how = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_kept = redis.call('EXISTS', KEYS[2]) == 1

if how == 'retry' then
  redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[4]), id)
else
  redis.call('ZREM', KEYS[1], id)
end
if how == 'dead' then
  redis.call('ZADD', KEYS[3], now, way .. ' ' .. id)
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[7]))
end
if is_kept then
  if how == 'sent' then
    redis.call('HSET', KEYS[2], 'state:' .. way, 'sent', 'sent_at:' .. way, ARGV[6])
    redis.call('HDEL', KEYS[2], 'error:' .. way)
  else
    redis.call('HSET', KEYS[2], 'error:' .. way, ARGV[5])
    if how == 'dead' then
      redis.call('HSET', KEYS[2], 'state:' .. way, 'dead')
    end
  end
end
return 1
