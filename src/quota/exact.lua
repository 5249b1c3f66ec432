-- Windows that are exact: a log of moments.
-- SPDX-License-Identifier: Apache-2.0
--
--     sum window | moment count | moment count | ...                    (packed)
--
-- Costs memory and time with each request in the window, so it is bounded: when
-- more than 1,024 entries stand in it, those of one 512th of the window become
-- one, at the last moment of them. That is later than they were: still never
-- more than the amount in any window.

local function exact_kit()
    local LOG_HEAD = '<I7I7'
    local LOG_FIRST = 15
    local LOG = '<I7I7'
    local LOG_BYTES = 14
    local LOG_MOST = 1024
    local LOG_PARTS = 512

    local function turn_log(log, window, now)
        if not log then
            return 0, LOG_FIRST, ''
        end
        local sum = unpack_from(LOG_HEAD, log)
        local at = LOG_FIRST
        if at < #log and unpack_from(LOG, log, #log - LOG_BYTES + 1) > now then
            -- The clock was set back: all of it counts as of now.
            return sum, at, pack(LOG_HEAD, sum, window) .. pack(LOG, now, sum)
        end
        while at < #log do
            local moment, count = unpack_from(LOG, log, at)
            if moment >= now - window then
                break
            end
            sum = sum - count
            at = at + LOG_BYTES
        end
        return sum, at, log
    end

    local function shorten(text, window)
        local parts, count = {}, 0
        local last, last_moment, last_sum
        for at = 1, #text, LOG_BYTES do
            local moment, cost = unpack_from(LOG, text, at)
            local part = floor(moment * LOG_PARTS / window)
            if part ~= last then
                if last then
                    count = count + 1
                    parts[count] = pack(LOG, last_moment, last_sum)
                end
                last, last_sum = part, 0
            end
            last_moment, last_sum = moment, last_sum + cost
        end
        parts[count + 1] = pack(LOG, last_moment, last_sum)
        return table.concat(parts)
    end

    local function add_log(log, at, sum, cost, window, now)
        local stop = #log
        local count = cost
        if at < stop then
            local last, had = unpack_from(LOG, log, stop - LOG_BYTES + 1)
            if last == now then
                count = had + cost
                stop = stop - LOG_BYTES
            end
        end
        local text = log:sub(at, stop) .. pack(LOG, now, count)
        if #text > LOG_MOST * LOG_BYTES then
            text = shorten(text, window)
        end
        return pack(LOG_HEAD, sum + cost, window) .. text
    end

    local function log_wait(log, at, need, window, now)
        local moment, count = now, 0
        while at < #log and need > 0 do
            moment, count = unpack_from(LOG, log, at)
            need = need - count
            at = at + LOG_BYTES
        end
        return moment + window + 1 - now
    end

    local function log_reset(log, at, window, now)
        if at >= #log then
            return 0
        end
        return unpack_from(LOG, log, #log - LOG_BYTES + 1) + window + 1 - now
    end

    -- The log with by more (or less) at the moment stamp, or where that was moved to;
    -- nil if it has left.
    local function correct_log(log, stamp, by, now)
        local sum, window = unpack_from(LOG_HEAD, log)
        local found
        if stamp < now - window then
            return nil
        end
        for at = #log - LOG_BYTES + 1, LOG_FIRST, -LOG_BYTES do
            if unpack_from(LOG, log, at) < stamp then
                break
            end
            found = at
        end
        if not found then
            return nil
        end
        local moment, count = unpack_from(LOG, log, found)
        local after = max(count + by, 0)
        return pack(LOG_HEAD, max(sum + after - count, 0), window) ..
            log:sub(LOG_FIRST, found - 1) .. pack(LOG, moment, after) ..
            log:sub(found + LOG_BYTES)
    end

    return {turn = turn_log, add = add_log, wait = log_wait,
        reset = log_reset, correct = correct_log}
end

local exact
