-- Lends what is due in the queue of one way to who will send it.
-- SPDX-License-Identifier: Apache-2.0
--
-- It stays in the queue and is due again when the lease ends: so it is sent at
-- least once whoever dies, and by one sender at a time.
--
-- KEYS  1 queue
-- ARGV  way | most | lease in milliseconds | key of an alert without its id
-- Returns id, number of this try, json of each.

local way, most, lease, prefix = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0,
    most)) do
  local json = redis.call('HGET', prefix .. id, 'json')
  if json then
    redis.call('ZADD', KEYS[1], now + lease, id)
    out[#out + 1] = id
    out[#out + 1] = redis.call('HINCRBY', prefix .. id, 'tries:' .. way, 1)
    out[#out + 1] = json
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return out
