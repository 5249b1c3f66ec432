// Tokens a minute and money a month: held before, settled after, never over.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

const gw = useGateway();
/** Holds are settled from the journal, a moment after the answer. */
const SETTLED_MS = 600;

/** An answer that used so many tokens, whatever it says. */
const using = (prompt, completion) => `fake:${JSON.stringify({ say: 'ok',
    usage: { prompt_tokens: prompt, completion_tokens: completion,
        total_tokens: prompt + completion } })}`;

/** Calls until refused; the admitted answers and the refusal. */
async function spend(key, content, body, most) {
    const served = [];
    for (let i = 0; i < most; i++) {
        const got = await gw.chat(content, { key, body });
        if (got.status !== 200)
            return { served, refusal: got };
        served.push(got);
    }
    return { served, refusal: null };
}

test('tokens a minute: served up to the limit, then refused as tokens',
    async () => {
        const { key } = await gw.newKey({ name: 'tokens',
            limits: ['2000tokens/60s'] });
        const { served, refusal } = await spend(key, using(20, 200),
            { max_tokens: 200 }, 15);
        const used = served.reduce((sum, one) =>
            sum + one.json.usage.total_tokens, 0);
        assert.ok(used <= 2000, `${used} tokens admitted`);
        assert.ok(used >= 1400, `only ${used} tokens admitted`);
        assert.equal(refusal.status, 429, refusal.text);
        assert.equal(refusal.error.type, 'tokens');
        assert.equal(refusal.error.code, 'rate_limit_exceeded');
        assert.equal(refusal.headers['x-ratelimit-limit-tokens'], '2000');
        assert.ok(Number(refusal.headers['retry-after']) >= 1);
        const left = served.map((one) =>
            Number(one.headers['x-ratelimit-remaining-tokens']));
        // A settled hold gives back what was not used, so what is left may rise
        // a little; it is never more than what the answers so far leave.
        let spent = 0;
        for (const [i, one] of served.entries()) {
            assert.ok(left[i] <= 2000 - spent, `${left[i]} after ${spent}`);
            spent += one.json.usage.total_tokens;
        }
        assert.ok(left.at(-1) < left[0], left.join());
    });

test('a request that alone may use more than the limit is told not to come again',
    async () => {
        const { key } = await gw.newKey({ name: 'small', limits: ['200tokens/1h'] });
        const never = await gw.chat('hi', { key, body: { max_tokens: 300 } });
        assert.equal(never.status, 429, never.text);
        assert.equal(never.headers['x-should-retry'], 'false');
        assert.equal(never.headers['retry-after'], '60');
        assert.match(never.json.error.message, /200tokens\/1h, by key\); this request alone/);
        assert.equal((await gw.chat(using(5, 150), { key,
            body: { max_tokens: 150 } })).status, 200);
        const later = await gw.chat('hi', { key, body: { max_tokens: 150 } });
        assert.equal(later.status, 429, later.text);
        assert.equal(later.headers['x-should-retry'], undefined);
    });

test('what an answer did not use is given back', async () => {
    const { key } = await gw.newKey({ name: 'thrifty',
        limits: ['3000tokens/60s'] });
    for (let i = 0; i < 8; i++) {
        const got = await gw.chat(using(10, 5), { key,
            body: { max_tokens: 2000 } });
        assert.equal(got.status, 200, `call ${i}: the hold was not released`);
        await sleep(SETTLED_MS);
    }
});

test('tokens of fifty connections at once stay under the limit',
    async () => {
        const { key } = await gw.newKey({ name: 'crowd',
            limits: ['5000tokens/60s'] });
        const all = await Promise.all(Array.from({ length: 50 }, () =>
            gw.chat(using(20, 400), { key, body: { max_tokens: 400 } })));
        const served = all.filter((one) => one.status === 200);
        const used = served.reduce((sum, one) =>
            sum + one.json.usage.total_tokens, 0);
        assert.ok(used <= 5000, `${used} tokens admitted`);
        assert.ok(served.length >= 5, `only ${served.length} served`);
        assert.ok(all.every((one) => [200, 429].includes(one.status)));
    });

const costs = async (key) => (await gw.records(`key=${key}`))
    .map((one) => one.cost_micros);

test('a budget is spent to its end and not beyond', async () => {
    const made = await gw.newKey({ name: 'poor', budget: '0.05USD/month' });
    const { served, refusal } = await spend(made.key, using(100, 1000),
        { model: 'gpt-4o', max_tokens: 1000 }, 12);
    assert.ok(served.length >= 3 && served.length <= 5,
        `${served.length} served of about 10,250 micro-dollars each`);
    assert.equal(refusal.status, 429, refusal.text);
    assert.equal(refusal.error.type, 'insufficient_quota');
    assert.equal(refusal.error.code, 'insufficient_quota');
    assert.equal(refusal.headers['x-should-retry'], 'false');
    assert.equal(refusal.headers['retry-after'], undefined);
    const spent = await until(async () => {
        const all = await costs(made.id);
        return all.length > served.length && all;
    }, { what: 'the records' });
    const sum = spent.reduce((a, b) => a + b, 0);
    assert.ok(sum > 0 && sum <= 50000, `${sum} micro-dollars`);
});

test('a budget asked for by forty connections at once is never overspent',
    async () => {
        const made = await gw.newKey({ name: 'rush',
            budget: '0.10USD/month' });
        const all = await Promise.all(Array.from({ length: 40 }, () =>
            gw.chat(using(50, 900), { key: made.key,
                body: { model: 'gpt-4o', max_tokens: 900 } })));
        const served = all.filter((one) => one.status === 200).length;
        // Held are 9,000 micro-dollars of output and a few of input: 11 fit.
        assert.ok(served >= 5 && served <= 11, `${served} served`);
        assert.ok(all.every((one) => [200, 429].includes(one.status)));
    });

test('a failed request costs nothing', async () => {
    const made = await gw.newKey({ name: 'unlucky',
        budget: '0.03USD/month' });
    gw.expectLog(/CG[45]\d{3}/, /AH0\d{4}.*proxy/, /\[proxy/);
    for (let i = 0; i < 6; i++) {
        gw.script({ status: 400, times: 1 });
        const got = await gw.chat('hi', { key: made.key,
            body: { model: 'gpt-4o', max_tokens: 1000 } });
        assert.equal(got.status, 400, got.text);
        await sleep(SETTLED_MS);
    }
    const got = await gw.chat(using(10, 10), { key: made.key,
        body: { model: 'gpt-4o', max_tokens: 1000 } });
    assert.equal(got.status, 200, got.text);
});

test('the console shows what of a budget is spent', async () => {
    const made = await gw.newKey({ name: 'shown', budget: '1USD/month' });
    await gw.chat(using(20, 1000), { key: made.key,
        body: { model: 'gpt-4o', max_tokens: 1000 } });
    await until(async () => {
        const got = await gw.admin('GET', '/budgets?limit=500');
        assert.equal(got.status, 200, got.text);
        const row = got.json.items.find((one) =>
            JSON.stringify(one).includes(made.id));
        return row && /"used_micros":10050/.test(JSON.stringify(row));
    }, { what: '10,050 micro-dollars spent in /budgets' });
});

test('provider numbers that cannot be are not believed', async () => {
    const made = await gw.newKey({ name: 'absurd',
        budget: '0.05USD/month' });
    for (const usage of [{ prompt_tokens: -5, completion_tokens: -1000000,
        total_tokens: -1000005 }, { prompt_tokens: 9e15,
        completion_tokens: 9e15, total_tokens: 9e15 }, {}, null, 'many'])
        await gw.chat(`fake:${JSON.stringify({ say: 'x', usage })}`,
            { key: made.key, body: { model: 'gpt-4o', max_tokens: 50 } });
    const sum = (await costs(made.id)).reduce((a, b) => a + b, 0);
    assert.ok(sum >= 0 && sum <= 50000, `${sum} micro-dollars`);
    const { served } = await spend(made.key, using(10, 1000),
        { model: 'gpt-4o', max_tokens: 1000 }, 9);
    assert.ok(served.length <= 4, 'negative usage gave money back');
});
