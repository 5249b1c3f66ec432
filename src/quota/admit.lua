-- Admission: has every limit room for this request? All are charged, or none.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the hold, then the counter of each ask, then the index of holds; of a
--       signed request also its nonce, how many nonces its key has used, and when
--       that key was used last; then the holds of bills that are settled first.
-- ARGV: the asks, packed: quantity, kind, amount, cost, least charge; of a ring
--       the length of a sub-bucket, of another window its length, of a calendar
--       period its first moment and the first after it (microseconds); the slice
--       to be taken in advance (0: none). Then how long the hold stands, and how
--       long a slice; how many bills, and the bills, packed; of a signed request
--       how long its nonce is remembered (milliseconds), and how many.
-- Out:  verdict, ask that bound (from 0; -1), microseconds until it would fit,
--       then for each ask what remains, what is held, when it is free again; at
--       the end which asks are passed but soft, and of which a slice was taken
--       (bits). OTHER_PERIOD comes with the store's time: the caller names the
--       period it lies in. Of a nonce that is used up, or of one too many, only
--       REPLAYED or CROWDED.
--
-- The first pass hopes: it prepares what each counter becomes, and stops at the
-- first that has no room. Only then a second pass finds out who binds and why.

local REPLAYED, CROWDED = 4, 5
local KEY_LIFE = 400 * DAY_MS
local SOFT = 128
local STRICT_SLICES = 5

local hold = KEYS[1]
local bills = tonumber(ARGV[4] or 0)
local signed = ARGV[6] and 3 or 0
local holds = KEYS[#KEYS - bills - signed]
local asks = ARGV[1]
local count = #KEYS - 2 - bills - signed
local now = clock()

-- What others give back may be what this request needs. A bill that cannot be
-- settled must not be in its way: the journal sends it again, and says so.
if bills > 0 then
    pcall(end_bills, holds, #KEYS - bills + 1, #KEYS, ARGV[5])
end

-- A nonce counts once, whatever then becomes of the request: who was refused signs
-- anew. It bears the end of its hold's name, which is random, so that the same
-- admission sent twice is no replay of itself; all of it would take twice the room.
if signed > 0 then
    local last = #KEYS - bills
    local nonce, nonces, used = KEYS[last - 2], KEYS[last - 1], KEYS[last]
    local life, mine = ARGV[6], hold:sub(-17)
    if not call('SET', nonce, mine, 'NX', 'PX', life) then
        if call('GET', nonce) ~= mine then
            return {REPLAYED}
        end
    else
        local many = call('INCR', nonces)
        if many == 1 then
            call('PEXPIRE', nonces, life)
        end
        if many > tonumber(ARGV[7]) then
            call('DEL', nonce)
            return {CROWDED}
        end
        call('SET', used, string.format('%.0f', now), 'PX', KEY_LIFE)
    end
    if count == 0 then
        return {ADMITTED, -1, 0, 0, 0}
    end
end

-- What has expired is looked for now and then; and before anybody is refused, for
-- it may be what is in the way.
local is_swept = now % 8 == 0
if is_swept then
    sweep(holds, now)
end
local values = call('MGET', unpack(KEYS, 1, count + 1))
local is_again = values[1]
if is_again and is_again:byte(1) >= CANCELLED then
    return {WAS_CANCELLED}
end

local out = {ADMITTED, -1, 0}
local entries, counted = {string.char(HELD)}, {}
local fresh, lives, slices = {}, {}, {}
local softs, leases = 0, 0
local needs_settling = false

-- Is there room? What is soft lets pass, and says so.
local function has_room(i, used, cost, amount, is_soft)
    if used + cost <= amount then
        return true
    elseif is_soft then
        softs = softs + 2 ^ (i - 1)
    end
    return is_soft
end

-- Near the amount nothing is taken in advance: what others hold would be missing.
local function takes_slice(i, used, amount, slice)
    if slice == 0 or used + STRICT_SLICES * slice > amount then
        return false
    end
    leases = leases + 2 ^ (i - 1)
    slices[#slices + 1] = i
    return true
end

-- The kinds that are seldom. Each leaves what its counter becomes in fresh, how
-- long that is to live in lives, and gives what remains, what is held, when it is
-- free again, and the stamp of the charge; nothing if there is no room.
local function prepare_rare_kit()
    local function prepare_smooth(i, quantity, amount, cost, window, is_soft)
        smooth = smooth or smooth_kit()
        local burst, unit, slack = smooth.pace(window, amount)
        local level, work = smooth.level_of(values[i + 1], now)
        local fits = cost <= amount and
            smooth.wait(level, cost, burst, unit, slack) == 0
        if not has_room(i, fits and 0 or amount, cost, amount, is_soft) then
            return nil
        end
        local more = smooth.leak_time(cost, unit)
        level = max(level, 0) + more
        work = (work + ceil(more)) % smooth.WORK
        fresh[i] = smooth.paced(level, work, window, amount, now)
        lives[i] = smooth.life(level, window)
        return floor(burst - level / unit), 0, ceil(level), work
    end

    local function prepare_exact(i, quantity, amount, cost, window, is_soft)
        exact = exact or exact_kit()
        local sum, at, log = exact.turn(values[i + 1], window, now)
        if not has_room(i, sum, cost, amount, is_soft) then
            return nil
        end
        fresh[i] = exact.add(log, at, sum, cost, window, now)
        lives[i] = floor(window / 1000) + 2
        return amount - sum - cost, 0, window + 1, now
    end

    local function prepare_slot(i, quantity, amount, cost, _, is_soft)
        local held = number_of(values[i + 1])
        if not has_room(i, held, cost, amount, is_soft) then
            return nil
        end
        fresh[i] = pack('<I7', held + cost)
        lives[i] = floor(ARGV[2] / 1000) + DAY_MS
        return amount - held - cost, held + cost, 0, 0
    end

    return {[SMOOTH] = prepare_smooth, [EXACT] = prepare_exact,
        [SLOTS_AT_ONCE] = prepare_slot}
end

-- How an ask stands that is not charged; binds if it has no room.
local function explain(i, quantity, kind, amount, cost, from, stop, is_soft)
    look = look or look_kit()
    local used, held, reset, wait =
        look(quantity, kind, values[i + 1], amount, cost, from, stop, now)
    if cost > 0 and not is_soft and (wait > 0 or cost > amount) then
        if cost > amount then
            wait = math.huge
        end
        if out[1] == ADMITTED or wait > out[3] then
            out[1], out[2], out[3] = REFUSED, i - 1, wait
        end
    end
    out[3 * i + 1] = max(amount - used, 0)
    out[3 * i + 2] = held
    out[3 * i + 3] = reset
end

-- Goes through all asks; is_hoping: prepares until one has no room.
local prepare_rare
local function pass(is_hoping)
    local at = 1
    local left, held, reset, stamp
    for i = 1, count do
        local quantity, kind, amount, cost, least, from, stop, slice
        quantity, kind, amount, cost, least, from, stop, slice, at =
            unpack_from(ASK, asks, at)
        local is_soft = kind >= SOFT
        kind = kind % SOFT
        if kind == CALENDAR and (now < from or now >= stop) then
            out = {OTHER_PERIOD, now}
            return false
        end
        local key = KEYS[i + 1]
        if not is_hoping or cost == 0 then
            explain(i, quantity, kind, amount, is_again and 0 or cost, from,
                stop, is_soft)
            left = nil
        elseif kind == WINDOW then
            local index = floor(now / from)
            local sum, first, ring, renewed
            sum, first, ring, renewed, held = turn(values[i + 1], index)
            stamp = index % STAMPS
            if takes_slice(i, sum + held, amount, slice) then
                held = held + slice
                fresh[i] = pack(HEAD, sum, held, stamp) .. ring:sub(first)
                lives[i] = ring_life(from, held)
                slices[key] = pack(ENTRY, quantity, LEASE_WINDOW, slice, slice,
                    from, key)
                left, stamp = amount - sum - held, nil
            elseif has_room(i, sum + held, cost, amount, is_soft) then
                if not renewed or (stamp - renewed) % STAMPS >= SLOTS then
                    renewed = stamp
                    lives[i] = ring_life(from, held)
                end
                fresh[i] = add(ring, first, sum, index, cost, renewed, held)
                left = amount - sum - held - cost
            else
                return false
            end
            reset = (index + SLOTS) * from - now
        elseif kind == CALENDAR then
            local value = values[i + 1]
            local spent
            spent, held = budget_of(value)
            if not value then
                lives[i] = floor((stop - now) / 1000) + 40 * DAY_MS
            end
            if takes_slice(i, spent + held, amount, slice) then
                held = held + slice
                slices[key] = pack(ENTRY, quantity, LEASE_CALENDAR, slice,
                    slice, 0, key)
                stamp = nil
            elseif not has_room(i, spent + held, cost, amount, is_soft) then
                return false
            else
                spent = quantity == REQUESTS and spent + cost or spent
                held = quantity == REQUESTS and held or held + cost
                stamp = 0
            end
            fresh[i] = pack(BUDGET, spent, held)
            left, reset = amount - spent - held, stop - now
        else
            prepare_rare = prepare_rare or prepare_rare_kit()
            left, held, reset, stamp =
                prepare_rare[kind](i, quantity, amount, cost, from, is_soft)
            if not left then
                return false
            end
        end
        if left then
            out[3 * i + 1] = left > 0 and left or 0
            out[3 * i + 2] = held
            out[3 * i + 3] = reset
            if stamp then
                local list = quantity == REQUESTS and counted or entries
                list[#list + 1] = pack(ENTRY, quantity, kind, cost, least, stamp,
                    key)
            end
            needs_settling = needs_settling or quantity ~= REQUESTS
        end
        if is_again and slice > 0 and
            call('STRLEN', hold .. '~' .. (i - 1)) > 1 then
            leases = leases + 2 ^ (i - 1)
        end
    end
    return true
end

local function forget()
    out = {ADMITTED, -1, 0}
    entries, counted = {string.char(HELD)}, {}
    fresh, lives, slices = {}, {}, {}
    softs, leases = 0, 0
end

local is_admitted = not is_again and pass(true)
if not is_again and not is_admitted and out[1] ~= OTHER_PERIOD and
    not is_swept and sweep(holds, now) > 0 then
    forget()
    values = call('MGET', unpack(KEYS, 1, count + 1))
    is_admitted = pass(true)
end

if not is_admitted then
    if out[1] ~= OTHER_PERIOD then
        forget()
        pass(false)
    end
    if out[3] == math.huge then
        out[3] = 0
    end
    if out[1] ~= OTHER_PERIOD then
        out[3 * count + 4], out[3 * count + 5] = softs, leases
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

-- A slice is a hold of its own, and is charged in full if nobody reports it.
for n = 1, #slices do
    local lease = hold .. '~' .. (slices[n] - 1)
    call('SET', lease, string.char(HELD) .. slices[KEYS[slices[n] + 1]])
    call('ZADD', holds, now + tonumber(ARGV[3]), lease)
end

-- A hold that waits for its settle stands until it is settled or swept. Where
-- only requests are counted the record is kept a little, so that the same
-- admission sent twice is counted once.
local record = table.concat(entries) .. table.concat(counted)
if needs_settling and #entries > 1 then
    call('SET', hold, record)
    call('ZADD', holds, now + tonumber(ARGV[2]), hold)
else
    call('SET', hold, record, 'PX', 10000)
end
out[3 * count + 4], out[3 * count + 5] = softs, leases
return out
