// A key may demand more than its place does, and never less.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';
import { ROOT } from './launch.mjs';
import { SAMPLES } from './samples.mjs';

const gw = useGateway({ policy: ['ChatGPTRedact EMAIL_ADDRESS log',
    'ChatGPTRedact PHONE_NUMBER block request', 'ChatGPTRules global'],
server: [`ChatGPTRulesFolder "${ROOT}/conf/rules"`] });

const TEXT = `write to ${SAMPLES.EMAIL_ADDRESS}`;
const RESIDENT = `身份证 ${SAMPLES.CN_RESIDENT_ID}`;

/** What goes up of a text under a key with this demand. */
async function up(redact, text) {
    const { key } = await gw.newKey({ redact });
    gw.forget();
    const got = await gw.chat(text, { key });
    return got.status === 200
        ? JSON.parse(gw.lastBody).messages[0].content : got;
}

test('a key without a demand has what its place says', async () => {
    assert.equal(await up('', TEXT), TEXT);
});

test('a key that demands a stronger action gets it', async () => {
    assert.equal(await up('EMAIL_ADDRESS=mask', TEXT), 'write to [EMAIL_ADDRESS]');
    const blocked = await up('EMAIL_ADDRESS=block', TEXT);
    assert.equal(blocked.status, 400);
    assert.equal(blocked.error.code, 'content_policy_violation');
    assert.equal(gw.reached.length, 0);
});

test('a demand of one direction leaves the other as it is', async () => {
    assert.equal(await up('EMAIL_ADDRESS=mask:answer', TEXT), TEXT);
    const { key } = await gw.newKey({ redact: 'EMAIL_ADDRESS=mask:answer' });
    const got = await gw.chat(TEXT, { key });
    assert.equal(got.said, 'You said: write to [EMAIL_ADDRESS]');
});

test('a key cannot loosen', async () => {
    const got = await up('PHONE_NUMBER=log,*=log', `call ${SAMPLES.PHONE_NUMBER}`);
    assert.equal(got.status, 400);
    assert.equal(await up('*=allow', `card ${SAMPLES.CREDIT_CARD}`),
        'card [CREDIT_CARD]');
});

test('a key chooses a further pack', async () => {
    assert.equal(await up('', RESIDENT), RESIDENT);
    assert.equal(await up('+cn', RESIDENT), '身份证 [CN_RESIDENT_ID]');
});

test('a changed demand holds from the next request on, in all children', async () => {
    const made = await gw.newKey();
    const ask = () => gw.chat(TEXT, { key: made.key });
    for (let i = 0; i < 6; i++)
        assert.equal((await ask()).said, `You said: ${TEXT}`);
    const changed = await gw.admin('PATCH', `/keys/${made.id}`,
        { redact: 'EMAIL_ADDRESS=block' },
        { headers: { 'if-match': `"${made.version}"` } });
    assert.equal(changed.status, 200, changed.text);
    assert.equal(changed.json.redact, 'EMAIL_ADDRESS=block');
    await new Promise((done) => { setTimeout(done, 500); });
    for (let i = 0; i < 6; i++)
        assert.equal((await ask()).status, 400);
});

const WRONG = ['EMAIL_ADDRESS', 'NO_SUCH_TYPE=mask', 'EMAIL_ADDRESS=shred',
    'EMAIL_ADDRESS=mask:sideways', '+'];

for (const redact of WRONG)
    test(`the admin API refuses "${redact}" and says what is legal`, async () => {
        const got = await gw.admin('POST', '/keys', { name: 'wrong', redact });
        assert.equal(got.status, 400, got.text);
        const [fault] = got.json.errors;
        assert.equal(fault.pointer, '/redact');
        assert.equal(fault.code, 'bad_redact');
        assert.match(fault.detail, /TYPE=ACTION/);
    });

test('the admin API refuses a pack that is not there', async () => {
    const got = await gw.admin('POST', '/keys', { name: 'wrong', redact: '+atlantis' });
    assert.equal(got.status, 400, got.text);
    assert.match(got.text, /atlantis/);
});

test('chatgptctl makes such a key, lists it, and refuses a wrong one', async () => {
    const made = await gw.ctl(['key', 'create', '--name', 'by tool', '--redact',
        'EMAIL_ADDRESS=block:request']);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await gw.chat(TEXT, { key: made.lines[0].key })).status, 400);
    const list = await gw.ctl(['key', 'list']);
    assert.equal(list.lines.find((one) => one.id === made.lines[0].id).redact,
        'EMAIL_ADDRESS=block:request');
    const wrong = await gw.ctl(['key', 'create', '--name', 'x', '--redact', 'US_SSN']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /"US_SSN" is not legal; legal: TYPE=ACTION/);
});

test('a key whose demand this server cannot know is refused, not served', async () => {
    gw.expectLog('CG1008');
    const made = await gw.newKey({ redact: '+cn' });
    await gw.store('HSET', `cg:key:${made.id}`, 'redact', '+elsewhere');
    const got = await gw.chat('hello', { key: made.key });
    assert.equal(got.status, 503, got.text);
    assert.equal(got.error.code, 'key_policy_unknown');
});
