-- Admission: has every limit room for this request? All are charged, or none.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the hold, then the counter of each ask, then the index of holds; of a
--       signed request also its nonce, how many nonces its key has used, and when
--       that key was used last.
-- ARGV: the asks, packed: quantity, kind, amount, cost, least charge, and
--       of a window the length of a sub-bucket, of a month its first moment and
--       the first after it (microseconds); how long the hold stands; of a signed
--       request how long its nonce is remembered (milliseconds), and how many.
-- Out:  verdict, ask that bound (from 0; -1), microseconds until it would fit,
--       then for each ask what remains, what is held, when it is free again.
--       OTHER_MONTH comes with the store's time: the caller names that month.
--       Of a nonce that is used up, or of one too many, only REPLAYED or CROWDED.
--
-- The first pass hopes: it prepares what each counter becomes, and stops at the
-- first that has no room. Only then a second pass finds out who binds and why.

local REPLAYED, CROWDED = 4, 5
local KEY_LIFE = 400 * DAY_MS

local hold = KEYS[1]
local signed = ARGV[3] and 3 or 0
local holds = KEYS[#KEYS - signed]
local asks = ARGV[1]
local count = #KEYS - 2 - signed
local now = clock()

-- A nonce counts once, whatever then becomes of the request: who was refused signs
-- anew. It bears the end of its hold's name, which is random, so that the same
-- admission sent twice is no replay of itself; all of it would take twice the room.
if signed > 0 then
    local nonce, nonces, used = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
    local life, mine = ARGV[3], hold:sub(-17)
    if not call('SET', nonce, mine, 'NX', 'PX', life) then
        if call('GET', nonce) ~= mine then
            return {REPLAYED}
        end
    else
        local many = call('INCR', nonces)
        if many == 1 then
            call('PEXPIRE', nonces, life)
        end
        if many > tonumber(ARGV[4]) then
            call('DEL', nonce)
            return {CROWDED}
        end
        call('SET', used, string.format('%.0f', now), 'PX', KEY_LIFE)
    end
    if count == 0 then
        return {ADMITTED, -1, 0}
    end
end

sweep(holds, now)
local values = call('MGET', unpack(KEYS, 1, count + 1))
local is_again = values[1]
if is_again and is_again:byte(1) == CANCELLED then
    return {WAS_CANCELLED}
end

local out = {ADMITTED, -1, 0}
local entries = {string.char(HELD)}
local fresh, lives = {}, {}

local function prepare_window(i, quantity, amount, cost, least, span)
    local index = floor(now / span)
    local sum, at, ring, renewed = turn(values[i + 1], index)
    if sum + cost > amount then
        return false
    end
    local stamp = index % STAMPS
    if not renewed or (stamp - renewed) % STAMPS >= SLOTS then
        renewed = stamp
        lives[i] = floor(span * LIFE / 1000) + 1
    end
    fresh[i] = add(ring, at, sum, index, cost, renewed)
    entries[#entries + 1] = pack(ENTRY, quantity, WINDOW, cost, least, stamp,
        KEYS[i + 1])
    out[3 * i + 1] = amount - sum - cost
    out[3 * i + 2] = 0
    out[3 * i + 3] = (index + SLOTS) * span - now
    return true
end

local function prepare_month(i, quantity, amount, cost, least, stop)
    local value = values[i + 1]
    local spent, held = budget_of(value)
    if spent + held + cost > amount then
        return false
    end
    if not value then
        lives[i] = floor((stop - now) / 1000) + 40 * DAY_MS
    end
    fresh[i] = pack(BUDGET, spent, held + cost)
    entries[#entries + 1] = pack(ENTRY, quantity, CALENDAR, cost, least, 0,
        KEYS[i + 1])
    out[3 * i + 1] = amount - spent - held - cost
    out[3 * i + 2] = held + cost
    out[3 * i + 3] = stop - now
    return true
end

local function bind(i, cost, amount, wait)
    if cost > amount then
        wait = math.huge
    end
    if out[1] == ADMITTED or wait > out[3] then
        out[1], out[2], out[3] = REFUSED, i - 1, wait
    end
end

-- How it stands with an ask that is not charged; binds if it has no room.
local function explain(i, kind, amount, cost, from, stop)
    local used, held, reset, wait = 0, 0, 0, 0
    if kind == WINDOW then
        local index = floor(now / from)
        local sum, at, ring = turn(values[i + 1], index)
        used = sum
        reset = reset_for(ring, at, index, from, now)
        if cost > 0 and sum + cost > amount then
            wait = wait_for(ring, at, sum + cost - amount, index, from, now)
        end
    else
        local spent
        spent, held = budget_of(values[i + 1])
        used = spent + held
        reset = used > 0 and stop - now or 0
        wait = stop - now
    end
    if cost > 0 and used + cost > amount then
        bind(i, cost, amount, wait)
    end
    out[3 * i + 1] = max(amount - used, 0)
    out[3 * i + 2] = held
    out[3 * i + 3] = reset
end

-- Goes through all asks; is_hoping: prepares until one has no room.
local needs_settling = false
local function pass(is_hoping)
    local at = 1
    for i = 1, count do
        local quantity, kind, amount, cost, least, from, stop
        quantity, kind, amount, cost, least, from, stop, at =
            unpack_from(ASK, asks, at)
        if kind == CALENDAR and (now < from or now >= stop) then
            out = {OTHER_MONTH, now}
            return false
        end
        if not is_hoping or cost == 0 then
            explain(i, kind, amount, is_again and 0 or cost, from, stop)
        elseif kind == WINDOW then
            if not prepare_window(i, quantity, amount, cost, least, from) then
                return false
            end
        elseif not prepare_month(i, quantity, amount, cost, least, stop) then
            return false
        end
        if quantity ~= REQUESTS and cost > 0 then
            needs_settling = true
        end
    end
    return true
end

if is_again or not pass(true) then
    if out[1] ~= OTHER_MONTH then
        pass(false)
    end
    if out[3] == math.huge then
        out[3] = 0
    end
    return out
end

for i = 1, count do
    if lives[i] then
        call('SET', KEYS[i + 1], fresh[i], 'PX', lives[i])
    elseif fresh[i] then
        call('SET', KEYS[i + 1], fresh[i], 'KEEPTTL')
    end
end

-- A hold that waits for its settle stands until it is settled or swept. Where
-- only requests are counted the record is kept a little, so that the same
-- admission sent twice is counted once.
local record = table.concat(entries)
if needs_settling then
    call('SET', hold, record)
    call('ZADD', holds, now + tonumber(ARGV[2]), hold)
else
    call('SET', hold, record, 'PX', 10000)
end
return out
