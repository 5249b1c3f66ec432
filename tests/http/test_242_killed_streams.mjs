// Children killed under streams: their slots, tokens and money come back at what was
// streamed, within seconds.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { balanced, billed, books } from './books.mjs';
import { sleep, until, useGateway } from './harness.mjs';

const gw = useGateway({}, () => gw.expectLog('AH00052', 'AH00051', 'AH00098',
    'AH10392', 'AH10159', 'AH03490', /CG0\d{3}/, /\[proxy/));

/** A stream of `words` words, one each `gap` ms; resolves when it ends in any way. */
const streamed = (key, words, gap) => gw.stream(`fake:${JSON.stringify({
    say: 'word '.repeat(words).trim(), chunk: 5, gap_ms: gap })}`, { key, ms: 20000,
    body: { max_tokens: 1000 } }).then((got) => got.status, () => 0);

const limits = ['40concurrent', '1000000tokens/1h', '100000/1h'];

function kill(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        assert.equal(error.code, 'ESRCH');
    }
}

test('forty streams, all children killed: nothing is held after five seconds, what was '
    + 'streamed is charged and recorded', async (t) => {
    const made = await gw.newKey({ name: 'forty', budget: '9USD/month', limits });
    const from = new Date().toISOString();
    const all = Array.from({ length: 40 }, () => streamed(made.key, 400, 20));
    await until(async () => (await books(gw, made.id)).concurrent === 40,
        { ms: 9000, what: 'forty under way' });
    assert.equal((await gw.chat('x', { key: made.key })).status, 429);
    await sleep(1500);
    const doomed = await gw.children();
    const at = performance.now();
    doomed.forEach(kill);
    await Promise.all(all);
    const last = await balanced(gw, made, from, 5000);
    const took = Math.round(performance.now() - at);
    t.diagnostic(`at rest ${took} ms after the kill: ${JSON.stringify(last)}`);
    assert.ok(!last.off, JSON.stringify(last));
    assert.ok(took <= 5000);
    assert.equal(last.lost, 40);
    const lost = (await billed(gw, made.id, from)).all
        .filter((one) => one.reason === 'process_lost');
    for (const one of lost) {
        assert.equal(one.decision, 'failed');
        assert.equal(one.tokens_from, 'counted');
        assert.equal(one.key_name, 'forty');
        assert.ok(one.input_tokens > 0, JSON.stringify(one));
        assert.ok(one.output_tokens < 200, `${one.output_tokens} of about 75 words`);
        assert.ok(one.cost_micros > 0);
    }
    const words = lost.reduce((sum, one) => sum + one.output_tokens, 0);
    assert.ok(words > 200, `${words} of about 3,000 words`);
    assert.equal((await gw.chat('x', { key: made.key })).status, 200);
});

test('a child is killed every 300 ms under streams that come and go', async (t) => {
    const made = await gw.newKey({ name: 'raging', budget: '90USD/month', limits });
    const from = new Date().toISOString();
    let going = true;
    const one = async () => {
        while (going)
            if (await streamed(made.key, 30, 5) !== 200)
                await sleep(20);
    };
    const crowd = Array.from({ length: 16 }, one);
    for (let i = 0; i < 8; i++) {
        await sleep(300);
        kill((await gw.children()).at(i % 2 ? 0 : -1));
    }
    going = false;
    await Promise.all(crowd);
    const last = await balanced(gw, made, from, 5000);
    t.diagnostic(JSON.stringify(last));
    assert.ok(!last.off, JSON.stringify(last));
    assert.ok(last.lost > 0 && last.records > 50, JSON.stringify(last));
    assert.ok(!/exit signal (?:Segm|Abort|Bus)/.test(gw.log()), 'a process crashed by itself');
});
