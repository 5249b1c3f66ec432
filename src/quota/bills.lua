-- Bills: holds that are ended once, with what their requests really cost.
-- SPDX-License-Identifier: Apache-2.0
--
-- Packed, for each: how it ends, input and output tokens, micro-dollars; of a slice
-- that was taken in advance what was spent of it stands as input.
--
-- To cancel an admission that is not known leaves a mark for a minute: it may
-- still wait in the store's socket, and must then not count.
--
-- Who is replaced asks again in the same call, for more: it is as if he had never
-- been admitted, but for the slices that came with it, which are in use.
--
-- What was settled is remembered for a little, so that neither its admission nor
-- its bill counts again when they are sent to a store that may have lost them
-- (resend.c).

local BILL = '<I1I7I7I7'
local SETTLED_MS = 30000
local SLICES_MOST = 24

local function bill_of(input, output, micros)
    return {[INPUT] = input, [OUTPUT] = output, [TOKENS] = input + output,
        [MICROS] = micros}
end

-- Ends the holds KEYS[first] to KEYS[last]; how many there were.
local function end_bills(holds, first, last, packed)
    local ended = 0
    local at = 1
    close = close or close_kit()

    local function finish(hold, record, how, bill)
        close(record, how, bill)
        call('SET', hold, string.char(SETTLED), 'PX', SETTLED_MS)
        call('ZREM', holds, hold)
        ended = ended + 1
    end

    -- Who never heard that he was admitted has no slices either.
    local function give_back_slices(hold)
        for i = 0, SLICES_MOST - 1 do
            local lease = hold .. '~' .. i
            local record = call('GET', lease)
            if record and record:byte(1) < CANCELLED then
                finish(lease, record, REPORT, bill_of(0, 0, 0))
            end
        end
    end

    for i = first, last do
        local hold = KEYS[i]
        local how, input, output, micros
        how, input, output, micros, at = unpack_from(BILL, packed, at)
        local record = call('GET', hold)
        if not record then
            if how == CANCEL then
                call('SET', hold, string.char(CANCELLED), 'PX', 60000)
            end
        elseif record:byte(1) < CANCELLED then
            finish(hold, record, how == REPLACE and CANCEL or how,
                bill_of(input, output, micros))
            if how == CANCEL then
                give_back_slices(hold)
            end
        end
    end
    return ended
end
