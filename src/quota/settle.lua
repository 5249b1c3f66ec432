-- Settling: what requests really cost. Each hold is ended once.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the holds, then the index of holds.
-- ARGV: the bills, packed: how it ends, tokens, micro-dollars.
-- Out:  how many holds were ended.
--
-- To cancel an admission that is not known leaves a mark for a minute: it may
-- still wait in the store's socket, and must then not count.

local BILL = '<I1I7I7'
local holds = KEYS[#KEYS]
local ended = 0
local at = 1

for i = 1, #KEYS - 1 do
    local hold = KEYS[i]
    local how, tokens, micros
    how, tokens, micros, at = unpack_from(BILL, ARGV[1], at)
    local record = call('GET', hold)
    if not record then
        if how == CANCEL then
            call('SET', hold, string.char(CANCELLED), 'PX', 60000)
        end
    elseif record:byte(1) ~= CANCELLED then
        close(record, how, tokens, micros)
        call('DEL', hold)
        call('ZREM', holds, hold)
        ended = ended + 1
    end
end
sweep(holds, clock())
return ended
