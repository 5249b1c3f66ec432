// Block, log, allow: each action per type and direction, and what is said of it.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

// At server level: the console's trial of a text follows what holds there.
const gw = useGateway({ server: ['ChatGPTRedact * mask',
    'ChatGPTRedact CREDIT_CARD block request',
    'ChatGPTRedact EMAIL_ADDRESS log',
    'ChatGPTRedact IP_ADDRESS allow',
    'ChatGPTRedact US_SSN mask answer',
    'ChatGPTRedact US_SSN allow request'] });

test('a blocked type refuses the request and names the place, not the value',
    async () => {
        gw.forget();
        const got = await gw.chat([{ role: 'system', content: 'hi' },
            { role: 'user', content: `my card ${SAMPLES.CREDIT_CARD}` }]);
        assert.equal(got.status, 400, got.text);
        assert.equal(got.error.type, 'invalid_request_error');
        assert.equal(got.error.code, 'content_policy_violation');
        assert.match(got.error.param, /messages.*1.*content/);
        assert.ok(got.headers['x-chatgpt-policy']);
        assert.ok(!bare(got.text + JSON.stringify(got.headers))
            .includes(bare(SAMPLES.CREDIT_CARD)));
        assert.equal(gw.reached.length, 0);
        const record = await gw.record(got.headers['x-request-id']);
        assert.match(JSON.stringify(record), /CREDIT_CARD/);
        assert.ok(!bare(JSON.stringify(record)).includes(
            bare(SAMPLES.CREDIT_CARD)));
    });

test('a blocked request is refused as JSON when a stream was asked for',
    async () => {
        const got = await gw.stream(`card ${SAMPLES.CREDIT_CARD}`);
        assert.equal(got.status, 400);
        assert.equal(JSON.parse(got.raw).error.code,
            'content_policy_violation');
    });

test('a logged type passes and is counted', async () => {
    const got = await gw.chat(`write to ${SAMPLES.EMAIL_ADDRESS}`);
    assert.equal(got.status, 200);
    assert.ok(gw.lastBody.includes(SAMPLES.EMAIL_ADDRESS));
    const record = await gw.record(got.headers['x-request-id']);
    assert.match(JSON.stringify(record), /EMAIL_ADDRESS/);
});

test('an allowed type passes and is not counted', async () => {
    const got = await gw.chat(`host ${SAMPLES.IP_ADDRESS}`);
    assert.ok(gw.lastBody.includes(SAMPLES.IP_ADDRESS));
    const record = await gw.record(got.headers['x-request-id']);
    assert.ok(!JSON.stringify(record).includes('"IP_ADDRESS"'));
});

test('a type may differ by direction', async () => {
    const got = await gw.chat(`ssn ${SAMPLES.US_SSN}`);
    assert.ok(gw.lastBody.includes(SAMPLES.US_SSN), 'up: allowed');
    assert.equal(got.said, 'You said: ssn [US_SSN]');
});

test('a blocked card in an answer never reaches the caller', async () => {
    for (const chunk of [undefined, 3]) {
        gw.script({ say: `it is ${SAMPLES.CREDIT_CARD}`, chunk });
        const got = chunk ? await gw.stream('x') : await gw.chat('x');
        const text = chunk ? got.raw : got.text;
        assert.ok(!bare(text).includes(bare(SAMPLES.CREDIT_CARD)), text);
    }
});

test('findings by type are counted in the metrics', async () => {
    await gw.chat(`write to ${SAMPLES.EMAIL_ADDRESS}`);
    assert.match(await gw.metrics(),
        /^chatgpt_\w*finding\w*\{[^}]*type="EMAIL_ADDRESS"[^}]*\} [1-9]/m);
});

test('the console tells what a text would lose, and why', async () => {
    const got = await gw.admin('POST', '/scan', { text:
        `卡 ${SAMPLES.CREDIT_CARD} and ${SAMPLES.EMAIL_ADDRESS}` });
    assert.equal(got.status, 200, got.text);
    const text = JSON.stringify(got.json);
    assert.match(text, /CREDIT_CARD/);
    assert.match(text, /EMAIL_ADDRESS/);
    assert.match(text, /"block"/);
    assert.match(text, /"start":2\b/);
});
