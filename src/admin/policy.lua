-- Versions of the published policy: proposing, deciding and publishing, each in
-- one step, so that of two operators at the same moment one wins.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS  1 the head, a hash: last number given, current version and its digest,
--       bytes of all documents, how many are pending
--       2 the index, a sorted set of numbers
--       3 the version, a hash; of "create" only how its name begins
-- ARGV  what is done | the channel | a token: the same call made twice is done
--       once | then as below
-- Returns {0, number} when done, else {a code of CODES, what is the case}
--
-- A version is published only upon the one it was made from. So it is known what
-- it changes, and numbers of published versions ascend.

local STALE, MANY, ABSENT, DECIDED, SAME, OTHER = 1, 2, 3, 4, 5, 6

local head, index = KEYS[1], KEYS[2]
local what, channel, token = ARGV[1], ARGV[2], ARGV[3]

local function get(field)
  return tonumber(redis.call('HGET', head, field) or '0')
end

local function put(version, ...)
  redis.call('HSET', version, ...)
  redis.call('HINCRBY', version, 'revision', 1)
end

local function announce(number)
  redis.call('PUBLISH', channel, tostring(number))
end

-- The name of another version than KEYS[3].
local function sibling(number)
  if what == 'create' then
    return KEYS[3] .. number
  end
  return (string.gsub(KEYS[3], '%d+$', tostring(number)))
end

local function set_current(number, version, now)
  redis.call('HSET', head, 'current', number, 'digest',
    redis.call('HGET', version, 'digest'), 'published_at', now)
end

local function publish(number, version, now)
  local before = get('current')
  if before > 0 then
    put(sibling(before), 'state', 'superseded')
  end
  put(version, 'state', 'published', 'published_at', now)
  set_current(number, version, now)
  announce(number)
end

local function remove(number, version)
  redis.call('HINCRBY', head, 'bytes',
    -tonumber(redis.call('HGET', version, 'size') or '0'))
  redis.call('DEL', version)
  redis.call('ZREM', index, number)
end

-- The oldest go; never the current one nor the one before it, nor one that waits
-- to be decided.
local function trim(base, most, most_bytes)
  local current = tostring(get('current'))
  local numbers = redis.call('ZRANGE', index, 0, -1)
  local count = #numbers
  for _, number in ipairs(numbers) do
    if count <= most and get('bytes') <= most_bytes then
      return
    end
    local version = sibling(number)
    if number ~= current and number ~= base and
        redis.call('HGET', version, 'state') ~= 'pending' then
      remove(number, version)
      count = count - 1
    end
  end
end

-- ARGV  base | state | now | most pending | most versions | most bytes
--       | document | fields and values of the rest
local function create()
  for _, number in ipairs(redis.call('ZRANGE', index, -16, -1)) do
    if redis.call('HGET', sibling(number), 'token') == token then
      return {0, tonumber(number)}
    end
  end
  local base, state, now = tonumber(ARGV[4]), ARGV[5], ARGV[6]
  local document = ARGV[10]
  if base ~= get('current') then
    return {STALE, get('current')}
  end
  if state == 'pending' and get('pending') >= tonumber(ARGV[7]) then
    return {MANY, get('pending')}
  end
  local number = redis.call('HINCRBY', head, 'last', 1)
  local version = KEYS[3] .. number
  put(version, 'state', state, 'token', token, 'base', base, 'document',
    document, 'size', #document, 'created_at', now)
  redis.call('HSET', version, unpack(ARGV, 11))
  redis.call('ZADD', index, number, number)
  redis.call('HINCRBY', head, 'bytes', #document)
  if state == 'pending' then
    redis.call('HINCRBY', head, 'pending', 1)
  else
    publish(number, version, now)
  end
  trim(ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9]))
  return {0, number}
end

-- ARGV  number | approved, rejected or withdrawn | who | now | note
local function decide()
  local number, decision, who = tonumber(ARGV[4]), ARGV[5], ARGV[6]
  local version, now = KEYS[3], ARGV[7]
  local state = redis.call('HGET', version, 'state')
  if not state then
    return {ABSENT, 0}
  end
  if redis.call('HGET', version, 'decision_token') == token then
    return {0, number}
  end
  if state ~= 'pending' then
    return {DECIDED, state}
  end
  local author = redis.call('HGET', version, 'author')
  if decision == 'approved' and who == author then
    return {SAME, 0}
  end
  if decision == 'withdrawn' and who ~= author then
    return {OTHER, 0}
  end
  local base = tonumber(redis.call('HGET', version, 'base'))
  if decision == 'approved' and base ~= get('current') then
    return {STALE, get('current')}
  end
  put(version, 'decision_token', token, 'decided_by', who, 'decided_at', now,
    'decision_note', ARGV[8])
  redis.call('HINCRBY', head, 'pending', -1)
  if decision == 'approved' then
    publish(number, version, now)
  else
    put(version, 'state', decision)
  end
  return {0, number}
end

-- Takes back what the token did and could not be recorded.
-- ARGV  number | now
local function undo()
  local number, version, now = tonumber(ARGV[4]), KEYS[3], ARGV[5]
  local was_created = redis.call('HGET', version, 'token') == token
  local was_decided = redis.call('HGET', version, 'decision_token') == token
  if not was_created and not was_decided then
    return {ABSENT, 0}
  end
  local state = redis.call('HGET', version, 'state')
  if state == 'published' and get('current') == number then
    local base = tonumber(redis.call('HGET', version, 'base'))
    if base > 0 then
      put(sibling(base), 'state', 'published')
      set_current(base, sibling(base), now)
    else
      redis.call('HDEL', head, 'current', 'digest', 'published_at')
    end
    announce(base)
  end
  if was_created then
    if state == 'pending' then
      redis.call('HINCRBY', head, 'pending', -1)
    end
    remove(number, version)
  else
    redis.call('HDEL', version, 'decision_token', 'decided_by', 'decided_at',
      'decision_note', 'published_at')
    put(version, 'state', 'pending')
    redis.call('HINCRBY', head, 'pending', 1)
  end
  return {0, number}
end

if what == 'create' then
  return create()
elseif what == 'decide' then
  return decide()
end
return undo()
