// Values handed over in pieces, one message each.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const gw = useGateway({ policy: [
    '<If "-n req(\'X-Strict\')">', 'ChatGPTRedact CREDIT_CARD block', '</If>'] });

const user = (content) => ({ role: 'user', content });
const assistant = (content) => ({ role: 'assistant', content });
const PIECES = [user('The first half of my card is 4111 1111'),
    assistant('Thanks. And the rest?'), user('1111 1111')];

test('each piece is masked in its own message, also in the record', async () => {
    const got = await gw.chat(PIECES);
    assert.equal(got.status, 200, got.text);
    const sent = JSON.parse(gw.lastBody).messages.map((m) => m.content);
    assert.deepEqual(sent, ['The first half of my card is [CREDIT_CARD]',
        'Thanks. And the rest?', '[CREDIT_CARD]']);
    const record = await gw.record(got.headers['x-request-id']);
    assert.ok(!JSON.stringify(record.prompt).includes('1111'));
    assert.equal(record.findings.find((one) =>
        one.type === 'CREDIT_CARD').count, 1);
});

test('so it is when the first pieces were seen before', async () => {
    const padding = 'Before that, a word about the weather, which was fine. ';
    const long = [user(padding.repeat(4)), ...PIECES];
    for (let i = 1; i <= long.length; i++)
        await gw.chat(long.slice(0, i), { agent: false });
    assert.ok(!gw.lastBody.includes('1111'), gw.lastBody);
});

test('a refused value in pieces names the message it begins in', async () => {
    const got = await gw.chat(PIECES, { headers: { 'x-strict': '1' } });
    assert.equal(got.status, 400);
    assert.equal(got.error.code, 'content_policy_violation');
    assert.equal(got.error.param, '/messages/0/content');
    assert.ok(!got.text.includes('1111'));
});

test('input items of the responses API are a conversation as well', async () => {
    const got = await gw.call('/responses', { body: { model: 'gpt-4o-mini',
        input: [user([{ type: 'input_text', text: '卡号前半段是41111111' }]),
            user([{ type: 'input_text', text: '最后是11111111' }])] } });
    assert.equal(got.status, 200, got.text);
    assert.ok(!gw.lastBody.includes('1111'), gw.lastBody);
    assert.ok(gw.lastBody.includes('卡号前半段是[CREDIT_CARD]'));
});

test('numbers that belong to something else are left alone', async () => {
    const harmless = [user('订单号 41111111'), assistant('收到'),
        user('数量 11111111'), user('version 4.1'), user('build 11111')];
    await gw.chat(harmless);
    assert.deepEqual(JSON.parse(gw.lastBody).messages, harmless);
});
