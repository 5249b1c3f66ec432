// An upstream that fails before its first byte is asked again, or said away.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTRetries 2',
    'ChatGPTFirstByteTimeout 700ms', 'ChatGPTIdleTimeout 1500ms'],
server: ['ChatGPTConnectTimeout 500ms'] }, () => {
    gw.expectLog(/CG[4-6]\d{3}/, /\[proxy(?:_http)?:/);
});

const PASSING = { '500': { status: 500 }, '502': { status: 502 },
    '503': { status: 503 }, '529': { status: 529 },
    'a reset': { end: 'reset' }, 'a silent close': { end: 'silent-close' },
    'half headers': { end: 'half-headers' }, 'garbage': { end: 'garbage' },
    'no answer in time': { end: 'hang' } };

async function alive() {
    await until(async () => (await gw.chat('well?')).status === 200,
        { ms: 8000, every: 200, what: 'an upstream that is up' });
}

for (const kept of [false, true])
    for (const [what, plan] of Object.entries(PASSING))
        test(`${what} once: the caller never sees it (${kept ? 'kept'
            : 'fresh'} connection)`, async () => {
            await alive();
            const agent = new http.Agent({ keepAlive: kept });
            if (kept)
                await gw.chat('first', { agent });
            gw.forget();
            gw.script(plan);
            const got = await gw.stream('say: served', { agent });
            assert.equal(got.status, 200, got.raw);
            assert.equal(got.text, 'served');
            assert.ok(got.done);
            assert.equal(gw.reached.length, 2);
            assert.equal(gw.reached[0].body.toString(),
                gw.reached[1].body.toString());
            const after = await gw.chat('usable?', { agent });
            assert.equal(after.status, 200);
            agent.destroy();
        });

test('a 200 that begins with an error is tried again, or passed on as one',
    async () => {
        await alive();
        gw.forget();
        gw.script({ error_after: 0 });
        const got = await gw.stream('say: served');
        if (gw.reached.length > 1)
            assert.equal(got.text, 'served');
        else
            assert.ok(got.errors.length === 1 && !got.done, got.raw);
    });

test('a large body is sent whole at every attempt', async () => {
    await alive();
    gw.forget();
    gw.script({ status: 503 });
    const got = await gw.chat('word '.repeat(40000));
    assert.equal(got.status, 200);
    const [one, two] = gw.reached;
    assert.ok(one.body.length > 200000 && one.body.equals(two.body));
});

test('no more attempts than the configuration allows', async () => {
    await alive();
    gw.forget();
    gw.script({ status: 500, times: 9 });
    const got = await gw.chat('hi');
    assert.ok([500, 502, 503].includes(got.status), got.text);
    assert.ok(got.error);
    assert.ok(gw.reached.length <= 3, `${gw.reached.length} attempts`);
    gw.forget();
});

for (const status of [400, 404, 409, 413, 422])
    test(`${status} is the caller's own: passed on, not tried again`,
        async () => {
            await alive();
            gw.forget();
            gw.script({ status, body: { error: { message: 'your fault',
                type: 'invalid_request_error', param: 'x',
                code: 'some_code' } } });
            const got = await gw.chat('hi');
            assert.equal(got.status, status);
            assert.equal(got.error.code, 'some_code');
            assert.equal(gw.reached.length, 1);
        });

for (const status of [401, 403])
    test(`${status} of our own credential becomes 502 without its words`,
        async () => {
            await alive();
            gw.script({ status, times: 3, body: { error: { message:
                'Incorrect API key provided: sk-upst**', type:
                'invalid_request_error', code: 'invalid_api_key' } } });
            const got = await gw.chat('hi');
            assert.equal(got.status, 502, got.text);
            assert.equal(got.error.code, 'upstream_credentials_exhausted');
            assert.ok(!got.text.includes('sk-upst'));
            gw.forget();
        });

test('a 429 of the provider at the end keeps its Retry-After', async () => {
    await alive();
    gw.forget();
    gw.script({ status: 429, retry_after: 7, times: 9 });
    const got = await gw.chat('hi');
    assert.ok([429, 503].includes(got.status), got.text);
    const wait = Number(got.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 60, String(wait));
    assert.ok(got.error);
    gw.forget();
});

test('nothing for too long is 504', async () => {
    await alive();
    gw.forget();
    gw.script({ end: 'hang', times: 9 });
    const got = await gw.chat('hi');
    assert.equal(got.status, 504, got.text);
    assert.equal(got.error.code, 'upstream_timeout');
    assert.ok(got.ms < 6000, `${got.ms} ms`);
    gw.forget();
});

test('an upstream that is away is 503 at once, and found again', async () => {
    await alive();
    const { port } = gw.provider;
    await gw.provider.close();
    let last;
    for (let i = 0; i < 6; i++) {
        last = await gw.chat('hi');
        assert.ok([502, 503].includes(last.status), last.text);
        assert.ok(last.error);
    }
    assert.equal(last.status, 503);
    assert.equal(last.error.code, 'upstream_unavailable');
    assert.ok(Number(last.headers['retry-after']) <= 60);
    await gw.providerAgain(port);
    await alive();
});
