// Alerts survive who sends them and where they wait: killed children, a store away.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { Receiver } from './receiver.mjs';

const good = await Receiver.start();
const bad = await Receiver.start();
after(() => Promise.all([good.close(), bad.close()]));

const gw = useGateway({ redis: true, server: [
    `ChatGPTAlertTo good ${good.url} timeout=1s`,
    `ChatGPTAlertTo bad ${bad.url} timeout=1s`] }, () =>
    gw.expectLog('AH00052', 'AH00051', 'AH10392', /CG[0-9]\d{3}.*(?:store|redis)/i,
        'AH03093'));

const send = async (way) => {
    const made = await gw.admin('POST', '/alert-tests', { way });
    assert.equal(made.status, 202, made.text);
    return made.json.id;
};
const delivery = async (id, way) => (await gw.admin('GET', `/alerts/${id}`))
    .json.deliveries?.find((one) => one.way === way);
const calls = (receiver, id) => receiver.calls.filter((one) => one.id === id);

test('whoever is killed between taking and sending: it is sent all the same',
    async () => {
        bad.answer = () => null;
        const id = await send('bad');
        await until(() => calls(bad, id).length >= 1, { ms: 9000,
            what: 'the first try' });
        for (const pid of await gw.children())
            process.kill(pid, 'SIGKILL');
        bad.answer = () => 200;
        await until(() => delivery(id, 'bad').then((one) =>
            one.state === 'sent').catch(() => false),
        { ms: 15000, every: 200, what: 'a later try' });
        assert.ok(calls(bad, id).length >= 2);
        assert.equal(new Set(calls(bad, id).map((one) => one.text)).size, 1);
    });

test('a store that was away: what waited is sent when it is back', async () => {
    good.answer = () => 503;
    const id = await send('good');
    await good.got((call) => call.id === id);
    await gw.redis.kill();
    good.answer = () => 200;
    await sleep(1500);
    await gw.redis.start();
    await until(() => calls(good, id).length >= 2, { ms: 12000,
        what: 'the next try' });
    await until(async () => (await delivery(id, 'good'))?.state === 'sent',
        { ms: 8000, every: 100, what: 'sent' });
});
