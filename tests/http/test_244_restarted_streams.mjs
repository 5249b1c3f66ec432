// Streams over a restart, and what the store would charge them if all died.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { balanced, books } from './books.mjs';
import { sleep, until, useGateway } from './harness.mjs';

const gw = useGateway({}, () => gw.expectLog('AH00052', 'AH00051', 'AH00098',
    'AH10392', 'AH10159', 'AH03490', /CG0\d{3}/, /\[proxy/));

/** A stream of `words` words, one each `gap` ms; resolves when it ends in any way. */
const streamed = (key, words, gap) => gw.stream(`fake:${JSON.stringify({
    say: 'word '.repeat(words).trim(), chunk: 5, gap_ms: gap })}`, { key, ms: 20000,
    body: { max_tokens: 1000 } }).then((got) => got.status, () => 0);

const limits = ['40concurrent', '1000000tokens/1h', '100000/1h'];

test('a stream that outlives a graceful restart is settled once, by itself', async () => {
    const made = await gw.newKey({ name: 'graceful', budget: '9USD/month', limits });
    const from = new Date().toISOString();
    const all = Array.from({ length: 6 }, () => streamed(made.key, 150, 10));
    await until(async () => (await books(gw, made.id)).concurrent === 6,
        { what: 'six under way' });
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    assert.deepEqual(await Promise.all(all), Array(6).fill(200));
    const last = await balanced(gw, made, from, 5000);
    assert.ok(!last.off, JSON.stringify(last));
    assert.equal(last.lost, 0);
    assert.equal(last.records, 6);
});

test('a restart that waits for nobody: its streams are settled by the next children',
    async () => {
        const made = await gw.newKey({ name: 'abrupt', budget: '9USD/month', limits });
        const from = new Date().toISOString();
        const all = Array.from({ length: 6 }, () => streamed(made.key, 400, 20));
        await until(async () => (await books(gw, made.id)).concurrent === 6,
            { what: 'six under way' });
        await sleep(400);
        process.kill(gw.ready.httpd_pid, 'SIGHUP');
        await Promise.all(all);
        const last = await balanced(gw, made, from, 5000);
        assert.ok(!last.off, JSON.stringify(last));
        assert.equal(last.records, 6);
        assert.ok(last.micros > 0);
    });

test('the floor of a live stream rises in the store each two seconds', async () => {
    const made = await gw.newKey({ name: 'floor', budget: '9USD/month' });
    const stream = streamed(made.key, 380, 8);
    await sleep(500);
    const least = () => gw.store('EVAL', `
        local hold = redis.call('ZRANGE', 'cg:{cg}:holds', 0, 0)[1]
        local _, _, cost, least = struct.unpack('<I1I1I7I7', redis.call('GET', hold), 2)
        return {tostring(cost), tostring(least)}`, '0').then((text) =>
        text.split('\n').map(Number));
    const [cost, before] = await least();
    await until(async () => (await least())[1] > before, { ms: 3500,
        what: 'a higher floor' });
    assert.ok((await least())[1] < cost);
    assert.equal(await stream, 200);
});
