// Alerts at parts of a limit: once, by signed webhook and in the console.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { assertSigned, Receiver } from './receiver.mjs';

const receiver = await Receiver.start();
after(() => receiver.close());
const secret = `whsec_${randomBytes(32).toString('base64')}`;
process.env.ALERT_SECRET_OF_TEST = secret;

const gw = useGateway({ server: ['PassEnv ALERT_SECRET_OF_TEST',
    'ChatGPTAlert * * at=50,80,100',
    'ChatGPTAlert key requests at=75 window=0',
    `ChatGPTAlertTo hook ${receiver.url} secret=env:ALERT_SECRET_OF_TEST`] });

/** An answer that costs about so many millionths of a dollar (gpt-4o). */
const costing = (micros) => ({ content: `fake:${JSON.stringify({ say: 'ok',
    usage: { prompt_tokens: 1, completion_tokens: Math.round(micros / 10),
        total_tokens: 1 + Math.round(micros / 10) } })}`,
body: { model: 'gpt-4o', max_tokens: Math.round(micros / 10) + 50 } });
const spend = async (key, micros) => {
    const { content, body } = costing(micros);
    return gw.chat(content, { key, body });
};
const of = (made) => (call) => call.data.subject === made.id;
const alerts = async (query = '') => {
    const got = await gw.admin('GET', `/alerts${query}`);
    assert.equal(got.status, 200, got.text);
    return got.json.items;
};

test('half of a budget, then four fifths, then all: each is told once, signed',
    async () => {
        const made = await gw.newKey({ name: 'spender',
            budget: '0.1USD/month' });
        assert.equal((await spend(made.key, 30000)).status, 200);
        assert.equal((await spend(made.key, 25000)).status, 200);
        const half = await receiver.got(of(made));
        assertSigned(half, secret);
        assert.equal(half.json.type, 'gateway.threshold');
        assert.equal(half.data.percent, 50);
        assert.equal(half.data.dimension, 'key');
        assert.equal(half.data.subject_name, 'spender');
        assert.equal(half.data.quantity, 'micros');
        assert.equal(half.data.amount, 100000);
        assert.ok(half.data.used >= 50000 && half.data.used < 60000);
        assert.match(half.data.period, /^\d{4}-\d{2}$/);
        assert.ok(Date.parse(half.data.period_ends_at) > Date.now());
        assert.equal(half.headers['content-type'], 'application/json');
        await spend(made.key, 27000);
        const more = await receiver.got((call) => of(made)(call)
            && call.data.percent === 80);
        assert.notEqual(more.id, half.id);
        await spend(made.key, 12000);
        const refused = await spend(made.key, 30000);
        assert.equal(refused.status, 429, refused.text);
        const all = await receiver.got((call) => of(made)(call)
            && call.data.percent === 100);
        assert.match(all.data.summary, /requests are refused/);
        await sleep(1500);
        assert.deepEqual(receiver.calls.filter(of(made))
            .map((call) => call.data.percent), [50, 80, 100]);
    });

test('what goes past two parts at once is told of the higher alone', async () => {
    const made = await gw.newKey({ name: 'jumper', budget: '0.1USD/month' });
    await spend(made.key, 88000);
    const call = await receiver.got(of(made));
    assert.equal(call.data.percent, 80);
    await sleep(1000);
    assert.equal(receiver.calls.filter(of(made)).length, 1);
});

test('a soft budget is passed: requests go on, and somebody is told', async () => {
    const made = await gw.newKey({ name: 'softly' });
    const got = await gw.admin('PATCH', `/keys/${made.id}`,
        { budget: '0.02USD/month soft' }, { headers: { 'If-Match': '*' } });
    assert.equal(got.status, 200, got.text);
    await until(async () => (await spend(made.key, 15000)).status === 200
        && receiver.calls.some((call) => of(made)(call)
            && call.data.kind === 'soft'), { ms: 6000, every: 200,
        what: 'the soft alert' });
    assert.equal((await spend(made.key, 15000)).status, 200);
});

test('short windows and requests are watched when asked for', async () => {
    const made = await gw.newKey({ name: 'clicks', limits: ['8/60s'] });
    for (let i = 0; i < 6; i++)
        await gw.chat('fake:{"say":"ok"}', { key: made.key });
    const call = await receiver.got(of(made));
    assert.equal(call.data.percent, 75);
    assert.equal(call.data.quantity, 'requests');
    assert.equal(call.data.period, '');
});

test('the console lists alerts, filters them, and keeps who has seen one',
    async () => {
        const [newest] = await alerts('?limit=1');
        const whole = await gw.admin('GET', `/alerts/${newest.id}`);
        assert.equal(whole.status, 200);
        assert.ok((await alerts('?kind=threshold')).length >= 4);
        assert.ok((await alerts('?kind=soft')).every((one) =>
            one.kind === 'soft'));
        assert.ok((await alerts('?delivery=dead')).length === 0);
        await until(async () => (await alerts('?delivery=waiting')).length === 0,
            { ms: 4000, what: 'all to be sent' });
        const sent = (await alerts(`?subject=${newest.subject}`))[0];
        assert.equal(sent.deliveries[0].way, 'hook');
        assert.equal(sent.deliveries[0].state, 'sent');
        assert.equal(sent.deliveries[0].tries, 1);
        assert.ok(sent.summary_zh.length > 5);
        const pages = [];
        for (let cursor = ''; cursor !== null;) {
            const page = await gw.admin('GET', `/alerts?limit=2${cursor
                && `&cursor=${cursor}`}`);
            pages.push(...page.json.items.map((one) => one.id));
            cursor = page.json.next_cursor;
        }
        assert.deepEqual(pages, (await alerts()).map((one) => one.id));
        assert.equal(new Set(pages).size, pages.length);

        const at = `/alerts/${newest.id}/acknowledge`;
        assert.equal((await gw.admin('POST', at, {}, { as: 'viewer' })).status,
            403);
        const seen = await gw.admin('POST', at, { note: '已知 — known' });
        assert.equal(seen.status, 200, seen.text);
        assert.equal(seen.json.acknowledged_by, 'admin');
        assert.equal(seen.json.acknowledged_note, '已知 — known');
        assert.equal((await gw.admin('POST', at, {})).status, 409);
        assert.ok((await alerts('?acknowledged=yes')).some((one) =>
            one.id === newest.id));
        assert.ok((await alerts('?acknowledged=no')).every((one) =>
            one.id !== newest.id));
        assert.equal((await gw.admin('POST',
            '/alerts/00000000-0000-7000-8000-000000000000/acknowledge', {}))
            .status, 404);
        assert.equal((await gw.admin('GET', '/alerts?cursor=x')).status, 400);
        await until(async () => (await gw.admin('GET',
            '/admin-events?operation=alerts.acknowledge')).json.items.some(
            (one) => one.subject === `alerts/${newest.id}`),
        { ms: 5000, what: 'the record of it' });
    });

test('a test alert goes all ways; ways show no path and no secret', async () => {
    const ways = await gw.admin('GET', '/alert-ways');
    assert.equal(ways.json.items[0].name, 'hook');
    assert.equal(ways.json.items[0].url, `http://127.0.0.1:${receiver.port}`);
    assert.equal(ways.json.items[0].signed, true);
    assert.ok(!ways.text.includes('of-the-path'));
    const policies = await gw.admin('GET', '/policies?limit=500');
    const [shown] = policies.json.items.filter((one) =>
        one.directive === 'ChatGPTAlertTo');
    assert.ok(shown.value.startsWith(`hook http://127.0.0.1:${receiver.port}/... `));
    assert.ok(!policies.text.includes('of-the-path'));
    const made = await gw.admin('POST', '/alert-tests', { note: '试一下' });
    assert.equal(made.status, 202, made.text);
    const call = await receiver.got((one) => one.id === made.json.id);
    assert.equal(call.data.kind, 'test');
    assert.equal(call.data.note, '试一下');
    assert.equal((await gw.admin('POST', '/alert-tests', { way: 'nobody' }))
        .status, 400);
    assert.equal((await gw.admin('POST', '/alert-tests', {}, { as: 'viewer' }))
        .status, 403);
});

test('metrics count alerts and tries; no log holds the secret', async () => {
    const { text } = await until(async () => {
        const got = { text: await gw.metrics() };
        return /chatgpt_alert_deliveries_total\{outcome="ok"\} [1-9]/
            .test(got.text) && got;
    }, { ms: 5000, what: 'metrics' }) ?? { text: await gw.metrics() };
    assert.match(text, /chatgpt_alerts_total\{kind="threshold"\} [1-9]/);
    assert.match(text, /chatgpt_alerts_dead 0/);
    assert.ok(!gw.log().includes(secret.slice(6, 30)));
    assert.match(gw.log(), /CG9050 alert /);
});
