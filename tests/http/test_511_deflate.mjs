// Beside mod_deflate: every event still arrives when it is there.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGunzip, gunzipSync } from 'node:zlib';

import { MODEL, useGateway } from './harness.mjs';
import { Events, heard } from './wire.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * mask'], server: [
    '<IfModule !deflate_module>',
    'LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so',
    '</IfModule>',
    '<IfModule !filter_module>',
    'LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so',
    '</IfModule>',
    '<Location "/v1">', 'SetOutputFilter DEFLATE', '</Location>'] });
const GZIP = { 'accept-encoding': 'gzip' };

test('a whole answer is packed and says the same', async () => {
    const got = await gw.chat('it is 536-22-8726', { headers: GZIP });
    assert.equal(got.headers['content-encoding'], 'gzip');
    const answer = JSON.parse(gunzipSync(got.body).toString());
    assert.equal(answer.choices[0].message.content,
        'You said: it is [US_SSN]');
});

test('a packed stream arrives event by event', async () => {
    gw.script({ say: 'one two three four five', gap_ms: 120 });
    const { res } = await gw.open('/chat/completions', { headers: GZIP,
        body: { model: MODEL, stream: true, messages: [{ role: 'user',
            content: 'x' }] } });
    assert.equal(res.headers['content-encoding'], 'gzip');
    const events = new Events();
    const got = { events: [] };
    const times = [];
    for await (const part of res.pipe(createGunzip()))
        for (const one of events.feed(part)) {
            got.events.push(one);
            times.push(performance.now());
        }
    const { text, done } = heard(got);
    assert.equal(text, 'one two three four five');
    assert.ok(done);
    assert.ok(times.at(-1) - times[0] > 450, 'all came at once');
});

test('an error is readable, packed or not', async () => {
    const got = await gw.chat('x', { key: 'sk-nobody', headers: GZIP });
    assert.equal(got.status, 401);
    const text = got.headers['content-encoding'] === 'gzip'
        ? gunzipSync(got.body).toString() : got.text;
    assert.equal(JSON.parse(text).error.code, 'invalid_api_key');
});
