// Who may publish, a second person, roll-back, and what is refused.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { ROOT } from './launch.mjs';
import { current, deed, isSentAsItIs, masksEverywhere, publish, wordList }
    from './policy.mjs';

const gw = useGateway({ server: [`ChatGPTRulesFolder "${ROOT}conf/rules"`] });

const code = (got) => String(got.json?.type).split('/').at(-1);

test('who only looks may read versions, and write nothing', async () => {
    for (const at of ['/policy-catalogue', '/policy-versions'])
        assert.equal((await gw.admin('GET', at, undefined,
            { as: 'viewer' })).status, 200);
    for (const as of ['viewer', 'approver']) {
        const got = await publish(gw, wordList('Falconry'), { as, base: 0 });
        assert.equal(got.status, 403, got.text);
        assert.equal(code(got), 'role-required');
    }
    assert.equal((await current(gw)).version, 0);
});

test('a write without proof of its origin is refused', async () => {
    const body = { document: {}, note: '', base_version: 0 };
    for (const headers of [{ 'x-chatgpt-console': null },
        { 'sec-fetch-site': 'cross-site' }]) {
        const got = await gw.admin('POST', '/policy-versions', body,
            { headers });
        assert.equal(got.status, 403, got.text);
        assert.equal(code(got), 'cross-site');
    }
});

test('a faulty document is refused with a pointer to each fault', async () => {
    const document = { ...wordList('ok'), locked: 'yes',
        types: [{ type: 'SSN', action: 'mask' },
            { type: 'US_SSN', action: 'hide' }],
        packs: ['mars'] };
    const got = await publish(gw, document);
    assert.equal(got.status, 400, got.text);
    const pointers = got.json.errors.map((one) => one.pointer);
    for (const one of ['/document/locked', '/document/types/0/type',
        '/document/types/1/action', '/document/packs/0'])
        assert.ok(pointers.includes(one), `${one} of ${pointers}`);
    const regex = await publish(gw, { patterns: [{ name: 'a', regex: 'fine' },
        { name: 'b', regex: '(unclosed' }] });
    assert.equal(regex.status, 400);
    assert.deepEqual(regex.json.errors.map((one) => one.pointer),
        ['/document/patterns/1/regex']);
    const check = await gw.admin('POST', '/policy-checks', { document });
    assert.equal(check.status, 200);
    assert.equal(check.json.faults.length, 4, check.text);
    assert.equal((await current(gw)).version, 0);
});

test('bodies are bounded, those with a document by more', async () => {
    const filled = (mib) => ({ document: wordList('a'.repeat(mib << 20)),
        note: '', base_version: 0 });
    const large = await gw.admin('POST', '/policy-versions', filled(6));
    assert.equal(large.status, 413, large.text);
    assert.equal(code(large), 'too-large');
    const long = await gw.admin('POST', '/policy-versions', filled(2));
    assert.equal(long.status, 400, long.text);
    assert.equal(long.json.errors[0].pointer, '/document/lists/0/words/0');
    const key = await gw.admin('POST', '/keys', { name: 'a'.repeat(2 << 20) });
    assert.equal(key.status, 413, key.text);
});

test('what only tightens is in force at once, what loosens waits', async () => {
    const first = await publish(gw, wordList('Falconry', 'Heronry'),
        { as: 'compliance' });
    assert.equal(first.status, 201, first.text);
    assert.equal(first.json.state, 'published');
    await masksEverywhere(gw, 'Heronry');
    const next = await publish(gw, wordList('Falconry'), { as: 'compliance' });
    assert.equal(next.status, 201, next.text);
    assert.equal(next.json.state, 'pending');
    assert.equal(next.json.loosens, true);
    assert.equal((await current(gw)).version, first.json.version);
    const seen = await gw.admin('GET', `/policy-versions/${next.json.version}`);
    assert.deepEqual(seen.json.changes.map((one) => [one.pointer, one.effect,
        one.removed]), [['/lists/0/words', 'looser', ['Heronry']]]);
    for (const as of ['compliance', 'viewer'])
        assert.equal((await deed(gw, next.json.version, 'approve', as)).status,
            403);
    const approved = await deed(gw, next.json.version, 'approve', 'approver',
        { note: 'checked' });
    assert.equal(approved.status, 200, approved.text);
    assert.equal(approved.json.approved_by, gw.ready.operators.approver.user);
    assert.ok(approved.json.audit_id);
    await until(async () => isSentAsItIs(gw, 'Heronry'));
    await masksEverywhere(gw, 'Falconry');
    const list = await gw.admin('GET', '/policy-versions');
    assert.deepEqual(list.json.items.map((one) => one.state),
        ['published', 'superseded']);
});

test('nobody approves what they wrote, not even an admin', async () => {
    const made = await publish(gw, wordList('Other'), { as: 'admin' });
    assert.equal(made.json.state, 'pending');
    const own = await deed(gw, made.json.version, 'approve', 'admin');
    assert.equal(own.status, 403, own.text);
    assert.equal(code(own), 'second-person-required');
    const foreign = await deed(gw, made.json.version, 'withdraw', 'compliance');
    assert.equal(foreign.status, 409, foreign.text);
    const rejected = await deed(gw, made.json.version, 'reject', 'approver');
    assert.equal(rejected.status, 200, rejected.text);
    assert.equal(rejected.json.state, 'rejected');
    const late = await deed(gw, made.json.version, 'approve', 'approver');
    assert.equal(late.status, 409, late.text);
});

test('of two operators who begin from one version one is told', async () => {
    const { version } = await current(gw);
    const [a, b] = await Promise.all(['admin', 'compliance'].map((as) =>
        publish(gw, wordList('Falconry', `By${as}`), { as, base: version })));
    assert.deepEqual([a.status, b.status].sort(), [201, 412]);
    const lost = a.status === 412 ? a : b;
    assert.equal(code(lost), 'changed-meanwhile');
});

test('a roll-back is a new version with the old document', async () => {
    const before = await current(gw);
    const list = await gw.admin('GET', '/policy-versions');
    const oldest = list.json.items.at(-1).version;
    const made = await deed(gw, oldest, 'restore', 'compliance',
        { note: 'back' });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.state, 'pending');
    assert.equal(made.json.restores, oldest);
    assert.equal(made.json.base_version, before.version);
    assert.equal((await deed(gw, made.json.version, 'approve', 'approver'))
        .status, 200);
    await masksEverywhere(gw, 'Heronry');
    assert.deepEqual((await current(gw)).document,
        wordList('Falconry', 'Heronry'));
});

test('each deed is in the ledger, without a word of the document', async () => {
    const events = await until(async () => {
        const got = await gw.admin('GET', '/admin-events?limit=100');
        const own = got.json.items.filter((one) =>
            one.operation?.startsWith('policy-versions.')
            && one.decision === 'changed');
        return own.length >= 8 && own;
    }, { what: 'the events' });
    const names = new Set(events.map((one) => one.operation));
    for (const one of ['create', 'approve', 'reject', 'restore'])
        assert.ok(names.has(`policy-versions.${one}`), [...names].join());
    assert.equal(JSON.stringify(events).includes('Falconry'), false);
    const approval = events.find((one) => one.operation
        === 'policy-versions.approve' && one.change.note);
    assert.equal(approval.change.note.after, 'checked');
});

test('a draft is tried with its own rules', async () => {
    const document = { patterns: [{ name: 'ticket', regex: 'TK-[0-9]{4}',
        caseless: false, action: 'block' }] };
    const got = await gw.admin('POST', '/scan', { document,
        text: 'my tax file number is 865414088, see TK-1234' },
    { as: 'compliance' });
    assert.equal(got.status, 200, got.text);
    assert.deepEqual(got.json.entities.map((one) => [one.type, one.action,
        one.why.reason, one.why.label]), [
        ['AU_TFN', 'mask', 'context', 'tax file'],
        ['CUSTOM:ticket', 'block', 'pattern', null]]);
    assert.equal(got.json.blocked_by, 'CUSTOM');
    const plain = await gw.admin('POST', '/scan', { text: 'see TK-1234' });
    assert.deepEqual(plain.json.entities, []);
});

test('packs of a document stand in the place of the configuration\'s', async () => {
    const catalogue = (await gw.admin('GET', '/policy-catalogue')).json;
    const names = catalogue.packs.map((one) => one.name);
    assert.ok(['cn', 'us'].every((one) => names.includes(one)), names.join());
    const text = 'about 11010519491231002X and 536-90-4399';
    const sends = async () => {
        await gw.chat(text);
        return gw.lastBody;
    };
    const said = await sends();
    assert.ok(said.includes('[CN_RESIDENT_ID] and [US_SSN]'), said);
    const made = await publish(gw, { packs: ['us'] }, { as: 'compliance' });
    assert.equal(made.json.state, 'pending', made.text);
    assert.equal((await deed(gw, made.json.version, 'approve', 'approver'))
        .status, 200);
    await until(async () => (await sends())
        .includes('11010519491231002X and [US_SSN]'));
    const both = await publish(gw, { packs: ['us', 'cn'], locked: true,
        types: [{ type: 'US_SSN', action: 'block', direction: 'request' }] });
    assert.equal(both.json.state, 'published', both.text);
    const blocked = await until(async () => {
        const got = await gw.chat(text);
        return got.status === 400 && got;
    });
    assert.equal(blocked.headers['x-chatgpt-policy'], 'US_SSN');
    await until(async () => {
        await gw.chat('about 11010519491231002X alone');
        return gw.lastBody.includes('[CN_RESIDENT_ID] alone');
    });
});
