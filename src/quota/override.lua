-- Sets or takes away what the console says of one object's limits.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the hash. ARGV: the channel, the field, the version that is to be
-- changed (-1: whichever), the most fields there may be, and what to keep, in two
-- parts between which the new version goes; nothing: it is taken away.
-- Out:  1, 0 (another version is there) or -1 (there are too many), the version.

local hash, channel, field = KEYS[1], ARGV[1], ARGV[2]
local wanted, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = redis.call('HGET', hash, field)
local version = now and cjson.decode(now).version or 0

if wanted >= 0 and wanted ~= version then
    return {0, version}
end
if not ARGV[5] then
    redis.call('HDEL', hash, field)
    redis.call('PUBLISH', channel, field)
    return {1, 0}
end
if not now and redis.call('HLEN', hash) >= most then
    return {-1, 0}
end
version = version + 1
redis.call('HSET', hash, field, ARGV[5] .. version .. ARGV[6])
redis.call('PUBLISH', channel, field)
return {1, version}
