// ChatGPTStoreDown closed, local, open: what limits do without their store.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

const gw = useGateway({ redis: true,
    policy: ['ChatGPTLimit key 20/60s', 'ChatGPTStoreDown closed'] }, () => {
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i, 'AH03093');
});

/** 60 calls of a key every child has seen, while the store is away. */
async function during(outage, end) {
    const { key } = await gw.newKey({ name: 'probe' });
    await sleep(500);
    await gw.chat('hi', { key });
    await outage();
    try {
        await sleep(500);
        return await Promise.all(Array.from({ length: 60 }, () =>
            gw.chat('hi', { key })));
    } finally {
        await end();
        await back();
    }
}

const EXPECT = {
    closed: (answers) => answers.forEach((one) => {
        assert.equal(one.status, 503, one.text);
        assert.equal(one.error.code, 'policy_store_unavailable');
        assert.equal(one.headers['retry-after'], '5');
    }),
    local: (answers) => {
        const served = answers.filter((one) => one.status === 200).length;
        assert.ok(served >= 10 && served <= 20, `${served} served`);
        assert.ok(answers.every((one) => [200, 429].includes(one.status)));
    },
    open: (answers) => answers.forEach((one) =>
        assert.equal(one.status, 200, one.text)),
};

for (const mode of Object.keys(EXPECT))
    test(`${mode}: killed, frozen, and back`, async () => {
        await gw.rewrite({ policy: ['ChatGPTLimit key 20/60s',
            `ChatGPTStoreDown ${mode}`] });
        EXPECT[mode](await during(() => gw.redis.kill(),
            () => gw.redis.start()));
        EXPECT[mode](await during(async () => gw.redis.freeze(),
            async () => gw.redis.thaw()));
    });

async function back() {
    await until(async () => {
        const made = await gw.admin('POST', '/keys', { name: 'again' });
        return made.status === 201 && (await gw.chat('hi',
            { key: made.json.key })).status === 200;
    }, { ms: 4000, what: 'the store again' });
    await sleep(1500);
}

test('a graceful restart without the store serves on, and heals by itself',
    async () => {
        await gw.rewrite({ policy: ['ChatGPTLimit key 1000/60s'] });
        const { key } = gw;
        await gw.chat('hi');
        await gw.redis.kill();
        process.kill(gw.ready.httpd_pid, 'SIGUSR1');
        await sleep(1500);
        assert.equal((await gw.chat('known', { key })).status, 200);
        await gw.redis.start();
        await back();
    });

test('httpd started without the store refuses, says so, and heals by itself',
    async () => {
        const { key } = gw;
        await gw.halt();
        await gw.redis.kill();
        await gw.bare();
        const got = await until(() => gw.chat('never seen here', { key })
            .catch(() => null), { ms: 8000, what: 'httpd' });
        assert.equal(got.status, 503, got.text);
        assert.equal(got.error.code, 'policy_store_unavailable');
        await gw.redis.start();
        await until(async () => (await gw.chat('hi', { key })).status === 200,
            { ms: 3000, what: 'an answer' });
    });
