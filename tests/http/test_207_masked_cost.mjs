// What leaves is what is held and paid for: a pseudonym is longer than a short value.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact * pseudonym request'] });

const MAILS = Array.from({ length: 30 }, (_, i) => `a${i}@b.co`).join(' ');
const OUTPUT = 20;

/** What the same body costs the limits once it is masked, and as it came. */
async function sizes() {
    const { key } = await gw.newKey({ name: 'measure', limits: ['1000000tokens/1h'] });
    const left = async (text) => {
        const seen = await gw.chat(text, { key, body: { max_tokens: OUTPUT } });
        assert.equal(seen.status, 200, seen.text);
        return gw.lastBody;
    };
    const masked = JSON.parse(await left(MAILS));
    const lines = [MAILS, masked.messages[0].content].map((content, i) => JSON.stringify({
        id: `${i}`, body: JSON.stringify({ model: masked.model,
            messages: [{ role: 'user', content }] }) }));
    const counted = await gw.ctl(['tokens'], { input: lines.join('\n') });
    assert.equal(counted.code, 0, counted.stderr);
    return counted.lines.map((line) => line.count);
}

test('a limit with room for what came and not for what would leave refuses it', async () => {
    const [came, leaves] = await sizes();
    assert.ok(leaves > came + 30, `${came} tokens came, ${leaves} leave`);
    const ask = (key) => gw.chat(MAILS, { key, body: { max_tokens: OUTPUT } });
    const made = await gw.newKey({ name: 'tight',
        limits: [`${leaves + OUTPUT - 1}tokens/day`, '9/day'] });
    gw.forget();
    const refused = await ask(made.key);
    assert.equal(refused.status, 429, refused.text);
    assert.equal(gw.reached.length, 0, 'nothing left');
    const rows = (await gw.admin('GET', `/limits/key/${made.id}`)).json.items;
    assert.deepEqual(rows.map((row) => row.used), [0, 0]);

    const roomy = await gw.newKey({ name: 'roomy',
        limits: [`${leaves + OUTPUT}tokens/day`, '9/day'] });
    const served = await ask(roomy.key);
    assert.equal(served.status, 200, served.text);
    const record = await gw.record(served.headers['x-request-id']);
    const spent = record.input_tokens + record.output_tokens;
    const used = await until(async () => {
        const now = (await gw.admin('GET', `/limits/key/${roomy.id}`)).json.items;
        return now.every((row) => row.held === 0) && now.map((row) => row.used).sort((a, b) => a - b);
    }, { ms: 5000, what: 'the bill' });
    assert.deepEqual(used, [1, spent], 'the counters say what the ledger says');
});
