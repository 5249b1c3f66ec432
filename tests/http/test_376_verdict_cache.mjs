// A text that was inspected before costs a look-up, in whatever child it comes.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

const gw = useGateway({ policy: [
    '<If "-n req(\'X-Strict\')">', 'ChatGPTRedact CREDIT_CARD block', '</If>'] });

async function counted() {
    const text = await gw.metrics();
    const of = (result) => Number(new RegExp(
        `^chatgpt_redact_cache_total\\{result="${result}"\\} (\\d+)`, 'm')
        .exec(text)?.[1] ?? 0);
    return { hit: of('hit'), miss: of('miss') };
}

async function costOf(run) {
    const before = await counted();
    await run();
    const after = await counted();
    return { hit: after.hit - before.hit, miss: after.miss - before.miss };
}

/** 200 messages of a chat; no two alike, each with something to mask. */
const chat = (count, salt) => Array.from({ length: count }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user', content: `${salt} message ${i}: ${
        SAMPLES.EMAIL_ADDRESS} wrote a long letter about nothing much, and the`
        + ' answer was longer still, as such answers are.' }));

test('of a chat of 200 messages with a new one, the new one is scanned',
    async () => {
        const long = chat(201, 'first');
        const fresh = await costOf(() => gw.chat(long.slice(0, 200)));
        assert.equal(fresh.miss, 200);
        for (const next of [0, 1, 2]) { // other connections, other children
            const again = await costOf(() => gw.chat(
                [...long, ...chat(next, 'more')], { agent: false }));
            assert.equal(again.miss, 1, `round ${next}`);
            assert.equal(again.hit, 200 + next);
            assert.ok(!gw.lastBody.includes(SAMPLES.EMAIL_ADDRESS));
            assert.equal(gw.lastBody.split('[EMAIL_ADDRESS]').length,
                202 + next);
        }
    });

test('what was found is masked in the same place each time', async () => {
    const text = `Charge ${SAMPLES.CREDIT_CARD} — 请 — and write to ${
        SAMPLES.EMAIL_ADDRESS}; then tell me what became of it all, in full.`;
    const bodies = [];
    for (let i = 0; i < 3; i++) {
        await gw.chat(text, { agent: false });
        bodies.push(JSON.parse(gw.lastBody).messages[0].content);
    }
    assert.equal(new Set(bodies).size, 1);
    assert.equal(bodies[0], 'Charge [CREDIT_CARD] — 请 — and write to '
        + '[EMAIL_ADDRESS]; then tell me what became of it all, in full.');
});

test('a place with other actions uses the same verdicts', async () => {
    const text = `My card ${SAMPLES.CREDIT_CARD} is mentioned in a text that is`
        + ' long enough to be remembered by the gateway for later.';
    assert.equal((await gw.chat(text)).status, 200);
    const cost = await costOf(async () => {
        const got = await gw.chat(text, { headers: { 'x-strict': '1' } });
        assert.equal(got.status, 400);
        assert.equal(got.error.param, '/messages/0/content');
    });
    assert.deepEqual(cost, { hit: 1, miss: 0 });
});

test('texts inside the arguments of a tool call are remembered too',
    async () => {
        const said = (tail) => [{ role: 'user', content: 'x' }, {
            role: 'assistant', content: null, tool_calls: [{ id: 'call_1',
                type: 'function', function: { name: 'f', arguments:
                    JSON.stringify({ body: `${SAMPLES.EMAIL_ADDRESS} ${
                        'and so on '.repeat(30)}`, tail }) } }] },
        { role: 'tool', tool_call_id: 'call_1', content: 'done' }];
        await gw.chat(said('a'));
        const cost = await costOf(() => gw.chat(said('b')));
        assert.deepEqual(cost, { hit: 1, miss: 0 });
        assert.ok(!gw.lastBody.includes(SAMPLES.EMAIL_ADDRESS));
    });

test('a restart forgets: other rules never meet an old verdict', async () => {
    const text = `${SAMPLES.US_SSN} stands in a text that is long enough to be `
        + 'remembered; the same text comes again after the reload of httpd.';
    await gw.chat(text);
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    let cost = { hit: 1 };
    for (let i = 0; i < 50 && cost.hit; i++) {
        await new Promise((done) => setTimeout(done, 100));
        cost = await costOf(() => gw.chat(`${text} `.slice(0, -1),
            { agent: false }));
    }
    assert.equal(cost.miss, 1);
    assert.ok(!bare(gw.lastBody).includes(bare(SAMPLES.US_SSN)));
});
