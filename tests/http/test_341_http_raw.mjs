// Requests that play with HTTP itself: smuggling, framing, names, pipelines.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cases, rawOf } from './corpora.mjs';
import { MODEL, sleep, useGateway } from './harness.mjs';
import { raw } from './wire.mjs';

const gw = useGateway();
const BODY = JSON.stringify({ model: MODEL, messages: [{ role: 'user',
    content: 'raw case' }] });
const KEPT_FROM_UPSTREAM = ['proxy-authorization', 'x-http-method-override',
    'x-rewrite-url', 'upgrade', 'sec-websocket-key', 'range', 'max-forwards'];

function filled(text) {
    return text.replaceAll('{host}', `127.0.0.1:${gw.port}`)
        .replaceAll('{auth}', `Bearer ${gw.key}`)
        .replaceAll('{path}', '/v1/chat/completions')
        .replaceAll('{body}', BODY)
        .replaceAll('{len}', String(BODY.length))
        .replaceAll('{hexlen}', BODY.length.toString(16));
}

const served = (got) => got.statuses.filter((one) => one >= 200 && one < 300);

const JUDGES = {
    ok: (got, seen) => {
        assert.equal(served(got).length, 1, got.text.slice(0, 300));
        assert.equal(seen.length, 1);
        assert.equal(seen[0].body.toString(), BODY);
    },
    reject: (got, seen) => {
        assert.equal(seen.length, 0, 'forwarded');
        assert.equal(served(got).length, 0, got.text.slice(0, 300));
    },
    max1: (got, seen) => assert.ok(seen.length <= 1, 'forwarded twice'),
    max0: (got, seen) => assert.equal(seen.length, 0, 'forwarded'),
    'one-clean': (got, seen) => {
        assert.ok(seen.length <= 1);
        if (!seen.length)
            return;
        assert.equal(seen[0].body.toString(), BODY);
        const headers = gw.lastHeaders;
        assert.match(headers.authorization, /^Bearer sk-upstream/);
        for (const name of KEPT_FROM_UPSTREAM)
            assert.equal(headers[name], undefined, name);
    },
    'pipe-11': (got, seen) => {
        assert.equal(served(got).length, 2, got.text.slice(0, 300));
        assert.equal(seen.length, 2);
    },
    'pipe-01': (got, seen) => {
        assert.equal(got.statuses[0], 401);
        assert.ok(seen.length <= 1);
    },
};

for (const one of cases('http-raw.jsonl'))
    test(`http-raw ${one.id}: ${one.expect}`, async () => {
        gw.forget();
        const got = await raw(gw.port, Buffer.from(filled(rawOf(one)),
            'latin1'), { quiet: one.expect.startsWith('pipe') ? 500 : 150,
            ms: 4000 });
        await sleep(10);
        JUDGES[one.expect](got, gw.reached);
        assert.ok(!gw.provider.state.memory.ring.some((seen) =>
            /SMUGGLED/.test(seen.url)), 'smuggled');
        for (const status of got.statuses)
            assert.ok(status < 500 || status === 501, got.text.slice(0, 200));
    });

test('after all that a caller is served as ever', async () => {
    assert.equal((await gw.chat('alive?')).status, 200);
    assert.ok(!/exit signal/.test(gw.log()));
});
