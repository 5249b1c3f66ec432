-- Somebody has seen an alert; or, with empty words, has not.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS  1 the alert
-- ARGV  moment, as it is shown ("": take it back) | who | note
-- Returns 1, 0 when somebody was before, -1 when there is no such alert.

if redis.call('HEXISTS', KEYS[1], 'json') == 0 then
  return -1
end
if ARGV[1] == '' then
  redis.call('HDEL', KEYS[1], 'acknowledged_at', 'acknowledged_by',
    'acknowledged_note')
  return 1
end
if redis.call('HEXISTS', KEYS[1], 'acknowledged_at') == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'acknowledged_at', ARGV[1], 'acknowledged_by', ARGV[2],
  'acknowledged_note', ARGV[3])
return 1
