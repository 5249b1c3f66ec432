// Requests that end in every way: in the end nothing is held, and what is spent is what
// the records say, to the micro-dollar.
// SPDX-License-Identifier: Apache-2.0
//
// PHANTOM_COUNT: how many requests (900); make soak has the long form.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { balanced, crowd, wideKey } from './books.mjs';
import { sleep, useGateway } from './harness.mjs';

const COUNT = Number(process.env.PHANTOM_COUNT ?? 900);
const gw = useGateway({ redis: true, policy: ['ChatGPTRedact CREDIT_CARD block request'] }, () =>
    gw.expectLog(/CG[0-9]\d{3}/, /AH0\d{4}/, /AH1\d{4}/, /\[proxy/));

/** A child may end between being listed and being killed. */
function kill(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        assert.equal(error.code, 'ESRCH');
    }
}

async function storm(t, name, troubles) {
    const made = await wideKey(gw, name);
    const from = new Date().toISOString();
    const going = [];
    const at = new Map(troubles.map((one, i) =>
        [Math.floor(COUNT * (i + 1) / (troubles.length + 1)), one]));
    const began = performance.now();
    const seen = await crowd(gw, made.key, { count: COUNT, width: 24,
        onStep: (serial) => {
            if (at.has(serial))
                going.push(at.get(serial)());
        } });
    await Promise.all(going);
    const took = Math.round(performance.now() - began);
    const rest = performance.now();
    const last = await balanced(gw, made, from, 6000);
    t.diagnostic(`${COUNT} requests in ${took} ms, at rest after `
        + `${Math.round(performance.now() - rest)} ms: ${JSON.stringify(last)} `
        + JSON.stringify(seen));
    assert.ok(!/exit signal (?:Segm|Abort|Bus)/.test(gw.log()), 'a process crashed by itself');
    assert.ok(!last.off, JSON.stringify(last));
    assert.ok(last.records > COUNT / 3 && last.micros > 0, JSON.stringify(last));
    return last;
}

test('callers who leave, upstreams that fail, children that are killed', async (t) => {
    const last = await storm(t, 'killed', Array(4).fill(async () =>
        kill((await gw.children()).at(-1))));
    assert.ok(last.lost > 0, 'no request was under way in a killed child');
});

test('a store that is frozen, killed and started anew', async (t) => {
    await storm(t, 'outages', [async () => {
        gw.redis.freeze();
        await sleep(500);
        gw.redis.thaw();
    }, async () => {
        await gw.redis.kill();
        await sleep(300);
        await gw.redis.start();
    }]);
});
