// Children killed under load: no acknowledged request is lost or told twice.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { load } from './load.mjs';

const gw = useGateway({}, () => gw.expectLog('AH00052', 'AH00051', 'AH00098', 'AH10392',
    /CG0\d{3}/));

async function exported(from) {
    const got = await gw.admin('GET', `/exports?from=${from}`);
    assert.equal(got.status, 200, got.text.slice(0, 300));
    const count = new Map();
    for (const line of got.text.split('\n').filter(Boolean)) {
        const { id } = JSON.parse(line);
        count.set(id, (count.get(id) ?? 0) + 1);
    }
    return count;
}

/** A child may end between being listed and being killed. */
function killed(pids) {
    for (const pid of pids)
        try {
            process.kill(pid, 'SIGKILL');
        } catch (error) {
            assert.equal(error.code, 'ESRCH');
        }
}

async function eachOnce(seen, from) {
    const want = seen.filter((one) => one.status === 200)
        .map((one) => one.id);
    const count = await until(async () => {
        const found = await exported(from).catch(() => null);
        return found && want.every((id) => found.has(id)) && found;
    }, { ms: 20000, every: 500, what: `${want.length} records` });
    for (const [id, times] of count)
        assert.equal(times, 1, `${id}: ${times} times`);
    return want.length;
}

test('kill -9 of children, again and again, under load', async () => {
    const from = new Date().toISOString();
    const crowd = load(gw, { width: 16, pause: 2 });
    for (let i = 0; i < 8; i++) {
        await sleep(400);
        killed((await gw.children()).slice(-1));
    }
    await sleep(1500);
    const seen = await crowd.stop();
    const served = await eachOnce(seen, from);
    assert.ok(served > 500, `only ${served} served`);
    const broken = seen.filter((one) => one.status !== 200);
    assert.ok(broken.every((one) => one.status === 0),
        `a false answer: ${JSON.stringify(broken.find((one) =>
            one.status !== 0))}`);
});

test('kill -9 of the whole server: its records are there after a restart',
    async () => {
        const from = new Date().toISOString();
        const crowd = load(gw, { width: 8, pause: 2 });
        await sleep(1200);
        killed([gw.ready.httpd_pid, ...await gw.children()]);
        await sleep(300);
        const seen = await crowd.stop();
        await gw.again();
        await eachOnce(seen, from);
    });

test('budget held by a dead child is not lost for ever', async () => {
    const made = await gw.newKey({ name: 'held', budget: '0.02USD/month' });
    gw.forget();
    gw.script({ end: 'hang' });
    const stuck = gw.chat('x', { key: made.key, ms: 8000,
        body: { model: 'gpt-4o', max_tokens: 1500 } }).catch(() => null);
    await until(() => gw.reached.length, { what: 'the upstream' });
    killed(await gw.children());
    await stuck;
    await until(() => gw.chat('x').then((got) => got.status === 200,
        () => false),
        { ms: 8000, what: 'new children' });
    const got = await gw.admin('GET', '/budgets?limit=500');
    const row = got.json.items.find((one) => one.subject === made.id);
    assert.ok(row.held_micros <= row.used_micros
        && row.used_micros <= row.amount_micros, JSON.stringify(row));
});
