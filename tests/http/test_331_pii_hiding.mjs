// One number hidden in some place and form: it must not reach the provider.
// SPDX-License-Identifier: Apache-2.0
//
// Levels: must, keep (must not be touched), and should and may, which are
// counted but do not fail: they are what a later detector is measured by.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bodyOf, cases } from './corpora.mjs';
import { useGateway } from './harness.mjs';

// The labels judge cards and social security numbers alone.
const gw = useGateway({ policy: ['ChatGPTRedact * mask',
    'ChatGPTRedact PHONE_NUMBER allow'] });
const PATHS = { chat: '/chat/completions', completions: '/completions',
    embeddings: '/embeddings', responses: '/responses' };

/** Digits in every form JSON, Unicode and markup can hide them in. */
const digits = (text) => text.normalize('NFKC').replace(/\D/g, '');

async function leaks(one) {
    gw.forget();
    const [name, query] = one.endpoint.split('?');
    const got = await gw.call(PATHS[name] + (query ? `?${query}` : ''),
        { body: bodyOf(one), headers: Object.fromEntries(one.headers ?? []) });
    assert.ok(got.status < 500, `${got.status} ${got.text}`);
    if (!gw.reached.length)
        return { got, leaked: false };
    const { url } = gw.reached.at(-1);
    let values = gw.lastBody;
    JSON.parse(gw.lastBody, (key, value) => {
        values += `\n${key}\n${value}`;
        return value;
    });
    const seen = digits(`${decodeURIComponent(url)}\n${values}`);
    return { got, leaked: seen.includes(one.canary) };
}

for (const one of cases('pii-hiding.jsonl'))
    test(`pii-hiding ${one.id} (${one.level})`, async (t) => {
        const { got, leaked } = await leaks(one);
        if (one.level === 'must')
            assert.ok(!leaked, gw.lastBody);
        else if (one.level === 'keep')
            assert.ok(got.status === 200 && leaked, gw.lastBody ?? got.text);
        else
            t.diagnostic(`${one.level}: ${leaked ? 'seen' : 'hidden'}`);
    });
