// Requests per client address: 100 in 15 minutes, whoever asks from there.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key none',
    'ChatGPTLimit address 100/15min'] });

async function count(total, width, from, keys) {
    const statuses = { 200: 0, 429: 0 };
    const refusals = [];
    let next = 0;
    await Promise.all(Array.from({ length: width }, async () => {
        for (let i = next++; i < total; i = next++) {
            const got = await gw.chat('hi', { from,
                key: keys[i % keys.length] });
            statuses[got.status] = (statuses[got.status] ?? 0) + 1;
            if (got.status === 429)
                refusals.push(got);
        }
    }));
    return { statuses, refusals };
}

test('150 calls of three keys from one address: 100 answers, 50 refusals',
    async () => {
        const keys = [gw.key, (await gw.newKey({ name: 'b' })).key,
            (await gw.newKey({ name: 'c' })).key];
        const { statuses, refusals } = await count(150, 30, '127.0.0.2',
            keys);
        assert.deepEqual(statuses, { 200: 100, 429: 50 });
        for (const got of refusals) {
            assert.equal(got.error.code, 'rate_limit_exceeded');
            assert.equal(got.headers['x-ratelimit-limit-requests'], '100');
            const wait = Number(got.headers['retry-after']);
            assert.ok(wait >= 1 && wait <= 60, `Retry-After ${wait}`);
        }
    });

test('another address has a window of its own', async () => {
    const { statuses } = await count(5, 1, '127.0.0.3', [gw.key]);
    assert.deepEqual(statuses, { 200: 5, 429: 0 });
});

test('X-Forwarded-For from a stranger changes nothing', async () => {
    await count(100, 10, '127.0.0.4', [gw.key]);
    for (const value of ['9.9.9.9', '127.0.0.3', '::1']) {
        const got = await gw.chat('hi', { from: '127.0.0.4', headers: {
            'x-forwarded-for': value, forwarded: `for=${value}`,
            'x-real-ip': value } });
        assert.equal(got.status, 429, got.text);
    }
});

test('callers without a good key do not use up the window of others',
    async () => {
        for (let i = 0; i < 120; i++)
            assert.equal((await gw.chat('hi', { from: '127.0.0.5',
                key: 'sk-nobody' })).status, 401);
        const got = await gw.chat('hi', { from: '127.0.0.5' });
        assert.equal(got.status, 200, got.text);
    });
