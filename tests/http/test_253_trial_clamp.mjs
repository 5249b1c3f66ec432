// A trial where answers may be shortened: what it foretells is what a request gets.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key none', 'ChatGPTLimit address none',
    'ChatGPTLimit team 200tokens/1h', 'ChatGPTClamp on'] });

test('the answer would be shortened to what is left, and is', async () => {
    const { key, id } = await gw.newKey({ name: 'short', team: 'red' });
    const got = await gw.admin('POST', '/limit-simulations', { model: MODEL, key: id,
        text: 'hi', max_output_tokens: 1000 });
    assert.equal(got.status, 200, got.text);
    const { passes, clamped_to: clamped, input_tokens: input, output_tokens: output } = got.json;
    assert.equal(passes, true, got.text);
    assert.equal(clamped, 200 - input);
    assert.equal(output, clamped);
    const answer = await gw.chat('hi', { key, body: { max_tokens: 1000 } });
    assert.equal(answer.status, 200);
    const sent = gw.reached.at(-1);
    assert.equal(JSON.parse(sent.body.toString()).max_tokens, clamped);
});

test('where not one token is left it is refused, and nothing is said of shortening', async () => {
    const { id } = await gw.newKey({ name: 'long', team: 'blue' });
    const { json } = await gw.admin('POST', '/limit-simulations', { model: MODEL, key: id,
        input_tokens: 500, max_output_tokens: 10 });
    assert.deepEqual([json.passes, json.clamped_to, json.passes_at, json.decided_by.dimension],
        [false, null, null, 'team']);
});
