// Which headers cross the gateway, and which must never do so, either way.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';

const gw = useGateway();

const NEVER_UP = { cookie: 'session=1', 'x-api-key': 'k', 'api-key': 'k',
    'proxy-authorization': 'Basic eDp5', 'x-forwarded-for': '10.0.0.9',
    forwarded: 'for=10.0.0.9', 'x-real-ip': '10.0.0.9',
    'openai-organization': 'org-caller', referer: 'https://intranet.example/',
    'x-chatgpt-console': '1', 'x-internal-note': 'secret project' };

test("the caller's credentials and traces never reach the provider",
    async () => {
        await gw.chat('hi', { headers: NEVER_UP });
        const seen = gw.lastHeaders;
        assert.match(seen.authorization, /^Bearer sk-upstream/);
        assert.ok(!JSON.stringify(seen).includes(gw.key));
        for (const name of ['cookie', 'x-api-key', 'api-key',
            'proxy-authorization', 'x-forwarded-for', 'x-forwarded-host',
            'x-forwarded-server', 'forwarded', 'x-real-ip',
            'openai-organization', 'referer'])
            assert.equal(seen[name], undefined, `${name}: ${seen[name]}`);
    });

for (const value of ['close, Authorization', 'Authorization',
    'close, Content-Type', 'Content-Length', 'Host', 'Transfer-Encoding',
    'x-request-id'])
    test(`Connection: ${value} takes nothing away`, async () => {
        gw.forget();
        const got = await gw.chat('hi', { headers: { connection: value } });
        if (gw.reached.length) {
            assert.match(gw.lastHeaders.authorization, /^Bearer sk-upstream/);
            assert.match(gw.lastHeaders['content-type'],
                /^application\/json/);
            assert.doesNotThrow(() => JSON.parse(gw.lastBody));
        } else
            assert.ok(got.status >= 400);
    });

test("the provider's own headers never reach the caller", async () => {
    for (const got of [await gw.chat('hi'), await gw.stream('hi')]) {
        for (const name of ['set-cookie', 'openai-organization',
            'openai-project', 'via', 'location'])
            assert.equal(got.headers[name], undefined, name);
        assert.notEqual(got.headers.server, 'fake');
        assert.match(got.headers['x-upstream-request-id'], /^req_fake/);
        assert.notEqual(got.headers['x-request-id'],
            got.headers['x-upstream-request-id']);
    }
});

test('the host the provider sees is its own', async () => {
    await gw.chat('hi', { headers: { host: 'evil.example' } });
    assert.equal(gw.lastHeaders.host, `127.0.0.1:${gw.provider.port}`);
});

test('the same id goes up, into the record and back', async () => {
    const got = await gw.chat('hi');
    const id = got.headers['x-request-id'];
    assert.equal(gw.lastHeaders['x-request-id'], id);
    assert.equal((await gw.record(id)).id, id);
});

test('every answer has an id of its own', async () => {
    const ids = new Set();
    for (const got of await Promise.all(Array.from({ length: 40 }, () =>
        gw.chat('hi'))))
        ids.add(got.headers['x-request-id']);
    assert.equal(ids.size, 40);
});

test('the content type of the answer is the provider’s', async () => {
    const got = await gw.chat('hi');
    assert.match(got.headers['content-type'], /^application\/json/);
    const streamed = await gw.stream('hi');
    assert.equal(streamed.headers['content-type'],
        'text/event-stream; charset=utf-8');
});

test('the answer is the provider’s, byte for byte, when nothing is masked',
    async () => {
        const body = '{ "id":"c" ,"object":"chat.completion","created":1,'
            + '"model":"gpt-4o-mini","choices":[{"index":0,"finish_reason":'
            + '"stop","message":{"role":"assistant","content":"a\\u00e9\\/b"'
            + '}}],"usage":{"prompt_tokens":1,"completion_tokens":1,'
            + '"total_tokens":2},"big":9007199254740993,"f":1.0E+2}';
        gw.script({ body });
        const got = await gw.chat('hi');
        assert.equal(got.text, body);
    });

test('connections to the provider are kept and shared', async () => {
    const ports = new Set();
    const { state } = gw.provider;
    assert.ok(state);
    for (let i = 0; i < 60; i++)
        await gw.chat('hi');
    for (const one of gw.reached.slice(-60))
        ports.add(one.peer);
    assert.ok(ports.size <= 20, `${ports.size} connections for 60 requests`);
});

test('a query is not passed on unexamined', async () => {
    const got = await gw.call('/chat/completions?note=536-22-8726', {
        body: { model: MODEL, messages: [{ role: 'user', content: 'x' }] } });
    assert.ok([200, 400, 404].includes(got.status));
    if (got.status === 200)
        assert.ok(!gw.reached.at(-1).url.includes('536-22-8726'));
});
