// Alerts reach their receiver whatever happens on the way, and harm no request.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { Receiver } from './receiver.mjs';

const good = await Receiver.start();
const bad = await Receiver.start();
after(() => Promise.all([good.close(), bad.close()]));

const gw = useGateway({ server: [
    `ChatGPTAlertTo good ${good.url} timeout=1s`,
    `ChatGPTAlertTo bad ${bad.url} timeout=1s tries=3`] }, () =>
    gw.expectLog('CG9051'));

const send = async (way) => {
    const made = await gw.admin('POST', '/alert-tests', { way });
    assert.equal(made.status, 202, made.text);
    return made.json.id;
};
const delivery = async (id, way) => (await gw.admin('GET', `/alerts/${id}`))
    .json.deliveries.find((one) => one.way === way);
const calls = (receiver, id) => receiver.calls.filter((one) => one.id === id);

test('a receiver that fails gets it again, by the same id, later each time',
    async () => {
        let left = 2;
        bad.answer = () => (left-- > 0 ? 500 : 200);
        const id = await send('bad');
        await until(() => calls(bad, id).length === 3, { ms: 9000,
            what: 'three tries' });
        const [first, second, third] = calls(bad, id);
        assert.ok(second.at - first.at >= 450, 'it waits');
        assert.ok(third.at - second.at >= 900, 'and longer');
        assert.equal(first.text, third.text);
        await until(async () => (await delivery(id, 'bad')).state === 'sent',
            { ms: 2000, what: 'sent' });
        assert.equal((await delivery(id, 'bad')).tries, 3);
    });

test('redirects are not followed; after its tries an alert is a dead letter',
    async () => {
        bad.answer = () => 302;
        const id = await send('bad');
        await until(async () => (await delivery(id, 'bad')).state === 'dead',
            { ms: 12000, every: 100, what: 'a dead letter' });
        const one = await delivery(id, 'bad');
        assert.equal(one.tries, 3);
        assert.match(one.error, /302; redirects are not followed/);
        assert.ok(bad.calls.every((call) => call.url !== '/elsewhere'));
        const dead = await gw.admin('GET', '/alerts?delivery=dead');
        assert.ok(dead.json.items.some((item) => item.id === id));
        assert.match(gw.log(), new RegExp(`CG9051 alert ${id}`));
        await until(async () => /chatgpt_alerts_dead 1/
            .test(await gw.metrics()), { ms: 7000, every: 200,
            what: 'the gauge' });
    });

test('a dead letter is sent again when somebody asks for it', async () => {
    const [{ id }] = (await gw.admin('GET', '/alerts?delivery=dead')).json.items;
    const before = calls(bad, id).length;
    const resend = (as) => gw.admin('POST', `/alerts/${id}/resend`, undefined,
        { as });
    bad.answer = () => 200;
    assert.equal((await resend('viewer')).status, 403);
    const made = await resend('compliance');
    assert.equal(made.status, 202, made.text);
    assert.ok(made.json.audit_id);
    await until(async () => (await delivery(id, 'bad')).state === 'sent',
        { ms: 35000, every: 100, what: 'it to be sent' });
    const one = await delivery(id, 'bad');
    assert.equal(one.tries, 1);
    assert.equal(one.error, '');
    assert.equal(calls(bad, id).length, before + 1);
    assert.equal((await resend('compliance')).status, 409);
    assert.equal((await gw.admin('GET', '/alerts?delivery=dead'))
        .json.items.length, 0);
    await until(async () => (await gw.admin('GET',
        '/admin-events?operation=alerts.resend')).json.items.some((item) =>
        item.subject === `alerts/${id}` && item.change.bad.before === 'dead'),
    { ms: 5000, what: 'the record of it' });
});

test('a receiver that is gone for good ends it at once', async () => {
    bad.answer = () => 410;
    const id = await send('bad');
    await until(async () => (await delivery(id, 'bad')).state === 'dead',
        { ms: 9000, every: 100, what: 'a dead letter' });
    assert.equal(calls(bad, id).length, 1);
});

test('while one receiver is silent, requests and other ways go on', async () => {
    bad.answer = () => null;
    for (let i = 0; i < 5; i++)
        await send('bad');
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 40 }, () =>
        gw.chat('fake:{"say":"ok"}')));
    assert.ok(answers.every((one) => one.status === 200));
    assert.ok(Date.now() - began < 3000);
    const id = await send('good');
    await good.got((call) => call.id === id, 5000);
    bad.answer = () => 200;
});
