-- Settling: what requests really cost. Each hold is ended once.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the holds, then the index of holds. ARGV: the bills, packed (bills.lua).
-- Out:  how many holds were ended.
--
-- Without a bill it only looks for what has expired.

local last = #KEYS - 1
if last == 0 then
    sweep(KEYS[1], clock())
    return 0
end
return end_bills(KEYS[#KEYS], 1, last, ARGV[1])
