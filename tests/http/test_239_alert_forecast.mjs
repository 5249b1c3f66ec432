// A limit that will be used up is foretold; a window may be filled, and told, anew.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { Receiver } from './receiver.mjs';

const receiver = await Receiver.start();
after(() => receiver.close());

const DAY = 86400;
const STEP = 6 * 3600; // between the points of a yearly limit
const now = Math.floor(Date.now() / 1000);
/** A year that began about two months ago. */
const start = new Date((now - 61 * DAY) * 1000).toISOString().slice(5, 10)
    .replace('02-29', '02-28');

const gw = useGateway({ policy: [`ChatGPTBudget team 1USD/year start=${start}`],
    server: ['ChatGPTAlert key requests at=75 window=0',
        `ChatGPTAlertTo hook ${receiver.url}`] }, () =>
    gw.expectLog('AH00052', 'AH00051', 'AH10392'));

const keys = async (pattern) => (await gw.store('KEYS', pattern)).split('\n')
    .filter(Boolean);
/** The thread that looks has seen nothing of what a dead one saw. */
const anew = async () => {
    for (const pid of await gw.children())
        process.kill(pid, 'SIGKILL');
};

test('a window that empties may be filled and told again', async () => {
    const made = await gw.newKey({ name: 'waves', limits: ['8/3s'] });
    const of = (call) => call.data.subject === made.id;
    const wave = () => Promise.all(Array.from({ length: 7 }, () =>
        gw.chat('fake:{"say":"ok"}', { key: made.key })));
    // Kept full until it is looked at: three seconds are short for a busy machine.
    const told = (count) => until(async () => {
        await wave();
        return receiver.calls.filter(of).length === count;
    }, { ms: 9000, every: 700, what: `alert ${count}` });
    await told(1);
    await until(async () => !(await keys('cg:{alert}:once:*'))
        .some((key) => key.includes('part75') && key.endsWith(made.id)),
    { ms: 12000, every: 100, what: 'the mark to go' });
    await told(2);
});

test('a budget that will not last is foretold, once, with the day', async () => {
    const made = await gw.newKey({ name: 'slow', team: 'green' });
    const paid = (micros) => gw.chat(`fake:${JSON.stringify({ say: 'ok',
        usage: { prompt_tokens: 1, completion_tokens: micros / 10,
            total_tokens: 1 + micros / 10 } })}`, { key: made.key,
        body: { model: 'gpt-4o', max_tokens: micros / 10 + 10 } });
    assert.equal((await paid(160000)).status, 200);
    assert.equal((await paid(150000)).status, 200);
    let burn;
    await until(async () => {
        [burn] = await keys('cg:{alert}:burn:*green*');
        return burn;
    }, { ms: 5000, what: 'a first point' });
    // From 10 to 30 % within the last 27 days.
    await gw.store('HSET', burn, ...Array.from({ length: 105 }, (_, n) => {
        const at = now - (n + 4) * STEP;
        return [String(Math.floor(at / STEP)),
            `${at} ${Math.round(300000 - (n + 4) / 108 * 200000)}`];
    }).flat());
    await sleep(500);
    await anew();
    let pending;
    await until(async () => {
        [pending] = await keys('cg:{alert}:once:foreseen*green*');
        return pending;
    }, { ms: 9000, every: 100, what: 'a first look' });
    assert.equal(receiver.calls.filter((call) =>
        call.data.kind === 'forecast').length, 0, 'one look is not enough');
    await gw.store('SET', pending, '1', 'KEEPTTL');
    await anew();
    const { data } = await receiver.got((call) =>
        call.data.kind === 'forecast', 9000);
    assert.equal(data.subject, 'green');
    assert.equal(data.limit, '1USD/year');
    const days = (Date.parse(data.exhausted_at) / 1000 - now) / DAY;
    assert.ok(days > 75 && days < 115, `in ${days} days`);
    assert.ok(Date.parse(data.period_ends_at) > Date.parse(data.exhausted_at));
    assert.match(data.summary, /^team green: at this rate 1USD\/year is used up on/);
    const [row] = (await gw.admin('GET', '/limits/team/green')).json.items;
    assert.ok(Math.abs(Date.parse(row.burn.exhausted_at)
        - Date.parse(data.exhausted_at)) < 3600000,
    `the console says the same: ${row.burn.exhausted_at}`);
    await anew();
    await sleep(2500);
    assert.equal(receiver.calls.filter((call) =>
        call.data.kind === 'forecast').length, 1);
});
