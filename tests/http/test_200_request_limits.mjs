// 150 calls against 100 in 60 s: exactly 100 answers, 50 refusals, right headers.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { sleep, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key 100/60s',
    'ChatGPTLimit address none'] });

const tally = (answers) => {
    const count = {};
    for (const { status } of answers)
        count[status] = (count[status] ?? 0) + 1;
    return count;
};

/** `total` calls over `width` kept connections, as fast as they go. */
async function flood(total, width, options) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: width });
    const answers = [];
    let next = 0;
    await Promise.all(Array.from({ length: width }, async () => {
        while (next++ < total)
            answers.push(await gw.chat('hi', { agent, ...options }));
    }));
    agent.destroy();
    return answers;
}

function isRateRefusal(got, limit, window) {
    assert.equal(got.status, 429);
    assert.equal(got.error.type, 'requests');
    assert.equal(got.error.code, 'rate_limit_exceeded');
    const wait = Number(got.headers['retry-after']);
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60,
        `Retry-After ${got.headers['retry-after']}`);
    assert.equal(got.headers['x-ratelimit-limit-requests'], String(limit));
    assert.equal(got.headers['x-ratelimit-remaining-requests'], '0');
    assert.match(got.headers['x-ratelimit-reset-requests'],
        /^(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?$/);
    assert.match(got.headers['ratelimit-policy'],
        new RegExp(`^"[\\w-]+";q=${limit};w=${window}`));
    assert.match(got.headers.ratelimit, /^"[\w-]+";r=0;t=\d+/);
    assert.notEqual(got.headers['x-should-retry'], 'false');
}

test('150 calls one after another: 100 answers, then 50 refusals',
    async () => {
        const { key } = await gw.newKey({ name: 'serial' });
        gw.forget();
        const answers = [];
        for (let i = 0; i < 150; i++)
            answers.push(await gw.chat('hi', { key }));
        assert.deepEqual(tally(answers), { 200: 100, 429: 50 });
        assert.ok(answers.slice(0, 100).every((one) => one.status === 200));
        assert.equal(gw.reached.length, 100);
        answers.slice(0, 100).forEach((one, i) => {
            assert.equal(one.headers['x-ratelimit-limit-requests'], '100');
            assert.equal(one.headers['x-ratelimit-remaining-requests'],
                String(99 - i));
        });
        answers.slice(100).forEach((one) => isRateRefusal(one, 100, 60));
    });

test('150 calls by 50 connections at once over several children: the same',
    async () => {
        const { key } = await gw.newKey({ name: 'parallel' });
        gw.forget();
        const answers = await flood(150, 50, { key });
        assert.deepEqual(tally(answers), { 200: 100, 429: 50 });
        assert.equal(gw.reached.length, 100);
        answers.filter((one) => one.status === 429)
            .forEach((one) => isRateRefusal(one, 100, 60));
    });

test('50 first requests at the very same moment count 50', async () => {
    const { key } = await gw.newKey({ name: 'burst', limits: ['20/60s'] });
    const answers = await flood(50, 50, { key });
    assert.deepEqual(tally(answers), { 200: 20, 429: 30 });
});

test('refused calls do not push the window on', async () => {
    const { key } = await gw.newKey({ name: 'patient', limits: ['3/2s'] });
    const at = performance.now();
    assert.deepEqual(tally(await flood(3, 1, { key })), { 200: 3 });
    while (performance.now() - at < 1500) {
        assert.equal((await gw.chat('hi', { key })).status, 429);
        await sleep(100);
    }
    await sleep(at + 2200 - performance.now());
    assert.equal((await gw.chat('hi', { key })).status, 200);
});

test('never more than the limit in any window, whatever the arrivals',
    async () => {
        const { key } = await gw.newKey({ name: 'sliding',
            limits: ['10/2s'] });
        const admitted = [];
        const until = performance.now() + 7000;
        while (performance.now() < until) {
            const sent = performance.now();
            const got = await gw.chat('hi', { key });
            if (got.status === 200)
                admitted.push([sent, performance.now()]);
            await sleep(Math.random() < 0.3 ? 250 : 15);
        }
        for (let i = 0; i + 10 < admitted.length; i++)
            assert.ok(admitted[i + 10][1] - admitted[i][0] > 1990,
                `11 requests in ${admitted[i + 10][1] - admitted[i][0]} ms`);
        assert.ok(admitted.length >= 26, `only ${admitted.length} admitted`);
    });

test('keys do not share a window', async () => {
    const [one, two] = [await gw.newKey({ name: 'a', limits: ['2/60s'] }),
        await gw.newKey({ name: 'b', limits: ['2/60s'] })];
    await flood(3, 1, { key: one.key });
    assert.equal((await gw.chat('hi', { key: two.key })).status, 200);
});

test('every endpoint draws on the same window', async () => {
    const { key } = await gw.newKey({ name: 'all', limits: ['3/60s'] });
    const seen = [];
    for (const [path, body] of [['/completions', { prompt: 'x' }],
        ['/responses', { input: 'x' }], ['/chat/completions', { messages:
            [{ role: 'user', content: 'x' }] }], ['/responses',
            { input: 'y' }]])
        seen.push((await gw.call(path, { key, body: { model: 'gpt-4o-mini',
            ...body } })).status);
    assert.deepEqual(seen, [200, 200, 200, 429]);
});

test('a stream counts one and is refused as JSON', async () => {
    const { key } = await gw.newKey({ name: 'streamer', limits: ['2/60s'] });
    for (const status of [200, 200, 429]) {
        const got = await gw.stream('one two', { key });
        assert.equal(got.status, status);
        if (status === 429) {
            assert.match(got.headers['content-type'], /^application\/json/);
            assert.equal(JSON.parse(got.raw).error.code,
                'rate_limit_exceeded');
        }
    }
});

test("the provider's own rate headers are not passed on as ours",
    async () => {
        const { key } = await gw.newKey({ name: 'mine' });
        const got = await gw.chat('hi', { key });
        assert.equal(got.headers['x-ratelimit-limit-requests'], '100');
        assert.notEqual(got.headers['x-ratelimit-reset-requests'], '12ms');
    });

test('the console shows how much of a window is used', async () => {
    const made = await gw.newKey({ name: 'seen', limits: ['7/60s'] });
    await flood(3, 1, { key: made.key });
    const got = await gw.admin('GET', '/limits?limit=500');
    assert.equal(got.status, 200, got.text);
    assert.ok(got.json.items.some((one) =>
        JSON.stringify(one).includes(made.id)), got.text.slice(0, 500));
});
