// A crowd of callers that goes on while something is done to the gateway.
// SPDX-License-Identifier: Apache-2.0

import http from 'node:http';

import { sleep } from './wire.mjs';

/** Starts `width` callers; stop() resolves to their answers with times. */
export function load(gw, { width = 10, pause = 5, ask } = {}) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: width });
    const began = performance.now();
    const seen = [];
    let going = true;
    const one = async () => {
        while (going) {
            const at = performance.now() - began;
            try {
                const got = await (ask ? ask(agent)
                    : gw.chat('hi', { agent, again: true }));
                seen.push({ at, ms: performance.now() - began - at,
                    status: got.status, id: got.headers['x-request-id'],
                    code: got.error?.code });
            } catch (error) {
                seen.push({ at, ms: performance.now() - began - at,
                    status: 0, code: error.code ?? String(error) });
            }
            if (pause)
                await sleep(pause);
        }
    };
    const all = Array.from({ length: width }, one);
    return {
        now: () => performance.now() - began,
        seen,
        async stop() {
            going = false;
            await Promise.all(all);
            agent.destroy();
            return seen;
        },
    };
}

/** Each kind of answer that is no 200, how often, and when it was first met. */
export function troubles(seen) {
    const found = {};
    for (const one of seen)
        if (one.status !== 200) {
            found[`${one.status} ${one.code}`] ??= { count: 0,
                first_ms: Math.round(one.at) };
            found[`${one.status} ${one.code}`].count += 1;
        }
    return found;
}

export function quantile(seen, q) {
    const sorted = seen.map((one) => one.ms).sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1,
        Math.floor(sorted.length * q))];
}
