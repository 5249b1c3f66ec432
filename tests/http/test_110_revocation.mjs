// A revoked key stops working in every child within a second.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { sleep, useGateway } from './harness.mjs';

const gw = useGateway();

/** Connections that stay open, so that every child keeps some of them. */
function crowd(size) {
    const agents = Array.from({ length: size }, () => new http.Agent({
        keepAlive: true, maxSockets: 1 }));
    return {
        ask: (key) => Promise.all(agents.map((agent) =>
            gw.chat('hi', { key, agent }))),
        leave: () => agents.forEach((agent) => agent.destroy()),
    };
}

async function revokedEverywhere(revoke, key) {
    const people = crowd(24);
    try {
        for (const got of await people.ask(key))
            assert.equal(got.status, 200);
        await revoke();
        const at = performance.now();
        await sleep(900);
        const answers = await people.ask(key);
        assert.ok(performance.now() - at < 2000);
        for (const got of answers) {
            assert.equal(got.status, 401, got.text);
            assert.equal(got.error.code, 'key_revoked');
        }
    } finally {
        people.leave();
    }
}

test('revoked in the console: refused in every child within 1 s',
    async () => {
        const made = await gw.newKey({ name: 'leaver' });
        await revokedEverywhere(async () => {
            const got = await gw.revoke(made.id);
            assert.ok(got.status < 300, got.text);
        }, made.key);
        const seen = await gw.admin('GET', `/keys/${made.id}`);
        assert.equal(seen.json.state, 'revoked');
    });

test('revoked by chatgptctl: refused in every child within 1 s', async () => {
    const made = await gw.newKey({ name: 'leaver 2' });
    await revokedEverywhere(async () => {
        const said = await gw.ctl(['key', 'revoke', made.id]);
        assert.equal(said.code, 0, said.stderr);
    }, made.key);
});

test('rotated without grace: the old secret is refused, the new one works',
    async () => {
        const made = await gw.newKey({ name: 'turner' });
        assert.equal((await gw.chat('hi', { key: made.key })).status, 200);
        const said = await gw.ctl(['key', 'rotate', made.id, '--grace', '0s']);
        assert.equal(said.code, 0, said.stderr);
        await sleep(1000);
        assert.equal((await gw.chat('hi', { key: made.key })).status, 401);
        assert.equal((await gw.chat('hi', { key: said.lines[0].key }))
            .status, 200);
    });

test('revoking one key leaves its neighbours alone', async () => {
    const [one, two] = [await gw.newKey({ name: 'one', team: 't' }),
        await gw.newKey({ name: 'two', team: 't' })];
    await gw.revoke(one.id);
    await sleep(1000);
    assert.equal((await gw.chat('hi', { key: one.key })).status, 401);
    assert.equal((await gw.chat('hi', { key: two.key })).status, 200);
});

test('a change of allowed models reaches every child within 1 s',
    async () => {
        const made = await gw.newKey({ name: 'narrowed' });
        const people = crowd(18);
        for (const got of await people.ask(made.key))
            assert.equal(got.status, 200);
        const seen = await gw.admin('GET', `/keys/${made.id}`);
        const changed = await gw.admin('PATCH', `/keys/${made.id}`,
            { models: ['gpt-4.1'] },
            { headers: { 'if-match': seen.headers.etag } });
        assert.equal(changed.status, 200, changed.text);
        await sleep(900);
        for (const got of await people.ask(made.key))
            assert.equal(got.status, 403, got.text);
        people.leave();
    });

test('the hot path does not ask the store for a key it has seen',
    async () => {
        const made = await gw.newKey({ name: 'hot' });
        const people = crowd(12);
        await people.ask(made.key);
        const reads = async () => {
            const stats = await gw.store('INFO', 'commandstats');
            return [...stats.matchAll(
                /cmdstat_(?:get|hget|hgetall|hmget):calls=(\d+)/g)]
                .reduce((sum, one) => sum + Number(one[1]), 0);
        };
        const before = await reads();
        for (let i = 0; i < 10; i++)
            await people.ask(made.key);
        assert.ok(await reads() - before <= 30,
            `${await reads() - before} reads for 120 requests`);
        people.leave();
    });
