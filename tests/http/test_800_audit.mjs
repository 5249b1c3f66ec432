// One record for every request, refused ones too, with what a reviewer asks for.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

let made;
const gw = useGateway({ policy: ['ChatGPTRedact * mask',
    'ChatGPTRedact CREDIT_CARD block request',
    `ChatGPTAllowModel ${MODEL} gpt-4o`] }, async () => {
    made = await gw.newKey({ name: 'Grace', owner: 'grace', user: 'ghopper',
        team: 'navy' });
});

const recordOf = (got) => gw.record(got.headers['x-request-id']);

test('a served chat leaves a full record', async () => {
    const from = Date.now();
    const got = await gw.chat('what is your name?', { key: made.key });
    const record = await recordOf(got);
    assert.equal(record.key_id, made.id);
    assert.equal(record.key_name, 'Grace');
    assert.equal(record.team, 'navy');
    assert.equal(record.user, 'ghopper');
    assert.equal(record.address, '127.0.0.1');
    assert.ok(record.vhost);
    assert.match(record.endpoint, /chat/);
    assert.equal(record.model_asked, MODEL);
    assert.equal(record.model_served, MODEL);
    assert.equal(record.decision, 'served');
    assert.equal(record.status, 200);
    assert.match(record.prompt, /what is your name/);
    assert.match(record.answer, /You said: what is your name/);
    assert.equal(record.input_tokens, got.json.usage.prompt_tokens);
    assert.equal(record.output_tokens, got.json.usage.completion_tokens);
    assert.equal(record.tokens_from, 'provider');
    assert.ok(record.cost_micros >= 0);
    assert.ok(record.took_micros > 0 && record.took_micros < 5e6);
    assert.ok(record.first_byte_micros <= record.took_micros);
    assert.equal(record.attempts, 1);
    assert.match(record.upstream_request_id, /^req_fake/);
    assert.equal(record.stream, false);
    assert.match(record.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
    assert.ok(Math.abs(Date.parse(record.at) - from) < 5000);
});

test('a stream leaves the same record, with its first byte', async () => {
    const got = await gw.stream('say: one two three');
    const record = await recordOf(got);
    assert.equal(record.stream, true);
    assert.equal(record.decision, 'served');
    assert.match(record.answer, /one two three/);
    assert.ok(record.first_byte_micros > 0);
});

const REFUSED = {
    invalid_api_key: () => gw.chat('x', { key: 'sk-nobody' }),
    model_not_allowed: () => gw.chat('x', { body: { model: 'gpt-5' } }),
    invalid_json: () => gw.call('/chat/completions', { body: '{' }),
    content_policy_violation: () => gw.chat(
        `card ${SAMPLES.CREDIT_CARD}`),
    unsupported_content_encoding: () => gw.chat('x', { headers: {
        'content-encoding': 'gzip' } }),
    unknown_url: () => gw.call('/threads', { body: {} }),
};
for (const [code, ask] of Object.entries(REFUSED))
    test(`a request refused as ${code} is recorded`, async () => {
        const got = await ask();
        assert.equal(got.error.code, code);
        const record = await recordOf(got);
        assert.equal(record.decision, 'refused');
        assert.equal(record.reason, code);
        assert.equal(record.status, got.status);
        assert.equal(record.cost_micros, 0);
    });

test('an upstream failure is recorded as failed', async () => {
    gw.expectLog(/CG[4-6]\d{3}/, /\[proxy(?:_http)?:/);
    gw.script({ status: 500, times: 9 });
    const got = await gw.chat('x');
    gw.forget();
    const record = await recordOf(got);
    assert.equal(record.decision, 'failed');
    assert.ok(record.attempts >= 1);
});

test('findings stand there by type, direction, count and action',
    async () => {
        const got = await gw.chat(`a ${SAMPLES.US_SSN}, ${
            SAMPLES.EMAIL_ADDRESS} and bob@example.net`);
        const { findings, prompt } = await recordOf(got);
        const of = (type) => findings.find((one) => one.type === type
            && /request/.test(one.direction));
        assert.equal(of('US_SSN').count, 1);
        assert.equal(of('EMAIL_ADDRESS').count, 2);
        assert.equal(of('US_SSN').action, 'mask');
        assert.match(prompt, /\[US_SSN\]/);
        assert.ok(!prompt.includes('bob@'));
    });

test('each of 200 requests has exactly one record', async () => {
    const want = (await Promise.all(Array.from({ length: 200 }, () =>
        gw.chat('count me', { key: made.key })))).map((one) =>
        one.headers['x-request-id']);
    const found = await until(async () => {
        const got = await gw.admin('GET', `/exports?key=${made.id}`);
        const ids = got.text.split('\n').filter(Boolean)
            .map((line) => JSON.parse(line).id);
        return want.every((id) => ids.includes(id)) && ids;
    }, { ms: 8000, what: '200 records' });
    for (const id of want)
        assert.equal(found.filter((one) => one === id).length, 1);
});

test('two requests of the same caller-made id are two records', async () => {
    const headers = { 'x-request-id': `twin-${process.pid}` };
    await gw.chat('first twin', { headers });
    await gw.chat('second twin', { headers });
    await until(async () => {
        const got = await gw.admin('GET', '/requests?q=twin&limit=50');
        return got.json.items.length >= 2;
    }, { what: 'both twins' });
});

test('the list is newest first and pages without loss or repeat',
    async () => {
        const seen = [];
        let cursor = '';
        for (let page = 0; page < 60; page++) {
            const got = await gw.admin('GET', `/requests?limit=25&key=${
                made.id}${cursor}`);
            assert.equal(got.status, 200, got.text);
            seen.push(...got.json.items);
            if (page === 1)
                await gw.chat('between pages', { key: made.key });
            if (!got.json.next_cursor)
                break;
            cursor = `&cursor=${encodeURIComponent(got.json.next_cursor)}`;
        }
        const ids = seen.map((one) => one.id);
        assert.equal(new Set(ids).size, ids.length);
        assert.ok(ids.length >= 200, `${ids.length}`);
        const times = seen.map((one) => Date.parse(one.at));
        assert.ok(times.slice(25).every((at, i) => at <= times[i] + 2000));
    });

for (const [filter, hits] of [['team=navy', true], ['team=army', false],
    ['user=ghopper', true], ['decision=refused', true],
    [`model=${MODEL}`, true], ['model=gpt-9', false],
    ['q=your%20name', true], ['q=no-such-words-anywhere', false],
    ['from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z', false]])
    test(`the filter ${filter} finds ${hits ? 'some' : 'none'}`, async () => {
        const got = await gw.admin('GET', `/requests?${filter}`);
        assert.equal(got.status, 200, got.text);
        assert.equal(got.json.items.length > 0, hits);
        if (filter.startsWith('decision'))
            assert.ok(got.json.items.every((one) =>
                one.decision === 'refused'));
    });

test('the export is JSON lines', async () => {
    const got = await gw.admin('GET', '/exports');
    assert.equal(got.status, 200);
    assert.match(got.headers['content-type'], /ndjson|jsonl/);
    const lines = got.text.split('\n').filter(Boolean)
        .map((line) => JSON.parse(line));
    assert.ok(lines.length > 200);
});

test('chatgptctl audit verify judges an export', {
    todo: 'the command comes with the chain of the ledger' }, async () => {
    const file = path.join(gw.folder, 'export.jsonl');
    writeFileSync(file, (await gw.admin('GET', '/exports')).text);
    const said = await gw.ctl(['audit', 'verify', file]);
    assert.equal(said.code, 0, said.stderr);
    writeFileSync(file, `${readFileSync(file, 'utf8').slice(0, -40)}}\n`);
    assert.equal((await gw.ctl(['audit', 'verify', file])).code, 1);
});

test('ChatGPTAuditText off keeps no words', async () => {
    await gw.rewrite({ policy: ['ChatGPTAuditText off'] });
    const got = await gw.chat('unrepeatable words');
    const record = await recordOf(got);
    assert.equal(record.prompt, null);
    assert.equal(record.answer, null);
    assert.ok(!(await gw.admin('GET', '/exports')).text
        .includes('unrepeatable'));
});
