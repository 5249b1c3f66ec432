-- wrk: POST one body with a key, and say what came of it as a line of JSON.
-- SPDX-License-Identifier: Apache-2.0
--
--   [PAUSE_MS=N] wrk … -s post.lua URL -- BODY-FILE KEY
--
-- With PAUSE_MS each connection rests so long before its next request.

local pause = tonumber(os.getenv("PAUSE_MS"))
if pause then
    function delay()
        return pause
    end
end

function init(args)
    local file = assert(io.open(args[1], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    file:close()
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Authorization"] = "Bearer " .. args[2]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
