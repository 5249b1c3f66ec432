// Redis killed or frozen under load: each mode does what it says, and it heals.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { load, quantile, troubles } from './load.mjs';

let known;
let spender;
let small;
const gw = useGateway({ redis: true, policy: ['ChatGPTLimit key 100000/60s'] }, async () => {
    known = (await gw.newKey({ name: 'known' })).key;
    spender = (await gw.newKey({ name: 'spender',
        budget: '5USD/month' })).key;
    small = (await gw.newKey({ name: 'small', limits: ['40/60s'] })).key;
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i);
    await seenByAll();
});

/** After an outage keys are read anew; the next one begins on calm ground. */
const QUIET_MS = 1500;

/** Every child has these keys in its cache before the store goes. */
async function seenByAll() {
    for (const key of [known, spender])
        await Promise.all(Array.from({ length: 30 }, () =>
            gw.chat('hi', { key })));
    await gw.chat('hi', { key: small });
}

const OUTAGES = [
    { name: 'killed', begin: () => gw.redis.kill(),
        end: () => gw.redis.start() },
    { name: 'frozen', begin: async () => gw.redis.freeze(),
        end: async () => gw.redis.thaw() }];

async function healed() {
    const began = performance.now();
    await until(async () => (await gw.chat('hi', { key: spender }))
        .status === 200, { ms: 5000, every: 50, what: 'budgets again' });
    const took = performance.now() - began;
    await sleep(QUIET_MS);
    return took;
}

for (const outage of OUTAGES) {
    test(`${outage.name}: windows go on locally, budgets and new keys close`,
        async () => {
            await seenByAll();
            let healedAfter;
            const fresh = await gw.newKey({ name: 'never seen' });
            await outage.begin();
            try {
                const crowd = load(gw, { width: 12, ask: (agent) =>
                    gw.chat('hi', { key: known, agent, again: true }) });
                await sleep(2500);
                const seen = await crowd.stop();
                assert.deepEqual(troubles(seen), {});
                assert.ok(quantile(seen, 0.5) < 60,
                    `median ${quantile(seen, 0.5)} ms`);
                assert.ok(quantile(seen, 1) < 1500,
                    `slowest ${quantile(seen, 1)} ms`);
                for (const key of [spender, fresh.key]) {
                    const got = await gw.chat('hi', { key });
                    assert.equal(got.status, 503, got.text);
                    assert.equal(got.error.code, 'policy_store_unavailable');
                    assert.equal(got.error.type, 'server_error');
                    assert.equal(got.headers['retry-after'], '5');
                }
                const stranger = await gw.chat('hi', { key: 'sk-nobody' });
                assert.ok([401, 503].includes(stranger.status));
            } finally {
                await outage.end();
                healedAfter = await healed();
            }
            assert.ok(healedAfter <= 1500, `healed after ${healedAfter} ms`);
        });

    test(`${outage.name}: a window of 40 admits 40 over all children`,
        async () => {
            const { key } = await gw.newKey({ name: 'local',
                limits: ['40/60s'] });
            await sleep(500);
            await gw.chat('hi', { key });
            await outage.begin();
            try {
                await sleep(400);
                const all = await Promise.all(Array.from({ length: 90 },
                    () => gw.chat('hi', { key })));
                const served = all.filter((one) => one.status === 200);
                assert.ok(served.length <= 40, `${served.length} served`);
                assert.ok(served.length >= 30, `${served.length} served`);
                assert.ok(all.every((one) =>
                    [200, 429].includes(one.status)));
            } finally {
                await outage.end();
                await healed();
            }
        });
}

test('every request of the outages is in the ledger, exactly once',
    async () => {
        const mark = new Date().toISOString();
        const crowd = load(gw, { width: 6, ask: (agent) =>
            gw.chat('hi', { key: known, agent, again: true }) });
        await sleep(200);
        await gw.redis.kill();
        await sleep(700);
        await gw.redis.start();
        await sleep(700);
        gw.redis.freeze();
        await sleep(700);
        gw.redis.thaw();
        await sleep(500);
        const seen = await crowd.stop();
        assert.deepEqual(troubles(seen), {});
        const want = seen.map((one) => one.id);
        const found = await until(async () => {
            const got = await gw.admin('GET',
                `/exports?from=${mark}`);
            const ids = got.text.split('\n').filter(Boolean)
                .map((line) => JSON.parse(line).id);
            return ids.length >= want.length && ids;
        }, { ms: 15000, every: 300, what: `${want.length} records` });
        const count = new Map();
        for (const id of found)
            count.set(id, (count.get(id) ?? 0) + 1);
        for (const id of want)
            assert.equal(count.get(id), 1, `${id}: ${count.get(id)} times`);
    });

test('an outage is said once in the log, in a metric and in the console',
    async () => {
        await sleep(QUIET_MS); // a store that comes and goes is one trouble
        const before = gw.log().length;
        await gw.redis.kill();
        for (let i = 0; i < 60; i++)
            await gw.chat('hi', { key: known });
        await sleep(1200);
        const lines = gw.log().slice(before).split('\n').filter((line) =>
            /CG\d{4}/.test(line) && /store|redis/i.test(line)
            && /:(?:warn|error)\]/.test(line));
        assert.ok(lines.length >= 1, 'nothing was said');
        assert.ok(lines.length <= 4, lines.join('\n'));
        const shown = await gw.metrics();
        assert.match(shown, /^chatgpt_\w*store\w*errors\w*(?:\{.*\})? [1-9]/m);
        const session = await gw.admin('GET', '/store');
        assert.match(session.text, /away|down|unreachable|false/i);
        await gw.redis.start();
        await healed();
    });
