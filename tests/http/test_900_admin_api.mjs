// The admin API: who may, what is meant, what is stale, and what is told.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const gw = useGateway({}, () => gw.expectLog('AH01617', 'AH01614'));

function isProblem(got, status) {
    assert.equal(got.status, status, got.text);
    assert.match(got.headers['content-type'], /^application\/problem\+json/);
    const problem = got.json;
    for (const member of ['type', 'title', 'status', 'instance'])
        assert.ok(problem[member], member);
    assert.equal(problem.status, status);
    assert.match(got.headers['cache-control'], /no-store/);
    return problem;
}

test('nobody gets in without signing in', async () => {
    for (const path of ['/keys', '/requests', '/session', '/openapi.json']) {
        const got = await gw.admin('GET', path, undefined, { as: null });
        assert.equal(got.status, 401, path);
        assert.match(got.headers['www-authenticate'], /^Basic/);
        assert.ok(!got.text.includes('"items"'));
    }
    const wrong = await gw.admin('GET', '/keys', undefined, { headers: {
        authorization: `Basic ${Buffer.from('admin:x').toString('base64')}` },
    as: null });
    assert.equal(wrong.status, 401);
});

test("a caller's key does not open the console", async () => {
    const got = await gw.admin('GET', '/keys', undefined, { as: null,
        headers: { authorization: `Bearer ${gw.key}` } });
    assert.equal(got.status, 401);
});

test('the session says who one is', async () => {
    for (const role of ['admin', 'compliance', 'viewer']) {
        const got = await gw.admin('GET', '/session', undefined,
            { as: role });
        assert.equal(got.status, 200, got.text);
        assert.equal(got.json.user, gw.ready.operators[role].user);
        assert.ok(got.json.roles.includes(role), got.text);
    }
});

for (const [what, headers] of Object.entries({
    'no header of its own': { 'x-chatgpt-console': null },
    'a form type': { 'content-type': 'application/x-www-form-urlencoded' },
    'text/plain': { 'content-type': 'text/plain' },
    'another site': { 'sec-fetch-site': 'cross-site',
        origin: 'https://evil.example' },
    'a sibling site': { 'sec-fetch-site': 'same-site' },
    'a foreign origin': { 'sec-fetch-site': null,
        origin: 'https://evil.example' },
    'the origin null': { 'sec-fetch-site': null, origin: 'null' } }))
    test(`a write with ${what} is refused`, async () => {
        const before = (await gw.admin('GET', '/keys?limit=500')).json.items;
        const got = await gw.admin('POST', '/keys', { name: 'forged' },
            { headers });
        assert.ok([403, 415].includes(got.status), got.text);
        const after = (await gw.admin('GET', '/keys?limit=500')).json.items;
        assert.equal(after.length, before.length);
    });

const MAY = {
    viewer: { read: true, write: false },
    compliance: { read: true, write: false },
    admin: { read: true, write: true },
};
for (const [role, may] of Object.entries(MAY))
    test(`what ${role} may do`, async () => {
        const read = await gw.admin('GET', '/keys', undefined, { as: role });
        assert.equal(read.status, may.read ? 200 : 403);
        const write = await gw.admin('POST', '/keys', { name: `by ${role}` },
            { as: role });
        assert.equal(write.status, may.write ? 201 : 403, write.text);
    });

test('a viewer sees no texts and may not search by them', async () => {
    const got = await gw.chat('a private thought');
    await gw.record(got.headers['x-request-id']);
    const list = await gw.admin('GET', '/requests', undefined,
        { as: 'viewer' });
    assert.ok(!list.text.includes('private thought'));
    const search = await gw.admin('GET', '/requests?q=private', undefined,
        { as: 'viewer' });
    isProblem(search, 403);
});

test('a key: made, read, changed, revoked, and every step has its event',
    async () => {
        const made = await gw.admin('POST', '/keys', { name: 'Life',
            owner: 'o', team: 't', models: [MODEL], limits: ['50/60s'],
            budget: '5USD/month' });
        assert.equal(made.status, 201, made.text);
        const { id, key } = made.json;
        assert.ok(id && key);
        const read = await gw.admin('GET', `/keys/${id}`);
        assert.match(read.headers.etag, /^"[^"]+"$/);
        assert.ok(!read.text.includes(key));
        assert.deepEqual(read.json.models, [MODEL]);
        assert.deepEqual(read.json.limits, ['50/60s']);
        const change = (etag, body) => gw.admin('PATCH', `/keys/${id}`, body,
            { headers: etag ? { 'if-match': etag } : {} });
        isProblem(await change(null, { name: 'New' }), 428);
        const changed = await change(read.headers.etag, { name: 'New' });
        assert.equal(changed.status, 200, changed.text);
        assert.equal(changed.json.name, 'New');
        assert.notEqual(changed.headers.etag, read.headers.etag);
        isProblem(await change(read.headers.etag, { name: 'Old' }), 412);
        assert.ok((await gw.revoke(id)).status < 300);
        const own = await until(async () => {
            const got = await gw.admin('GET', '/admin-events?limit=50');
            const mine = JSON.stringify(got.json.items.filter((one) =>
                JSON.stringify(one).includes(id)));
            return ['keys.create', 'keys.update', 'keys.revoke'].every(
                (operation) => mine.includes(operation)) && mine;
        }, { what: 'an event of every step' });
        assert.ok(!own.includes(key));
    });

const WRONG = [[{}, '/name'], [{ name: '' }, '/name'], [{ name: 7 }, '/name'],
    [{ name: 'x', colour: 'red' }, '/colour'],
    [{ name: 'x', limits: ['many'] }, '/limits'],
    [{ name: 'x', limits: '100/60s' }, '/limits'],
    [{ name: 'x', budget: 'rich' }, '/budget'],
    [{ name: 'x', expires_at: 'tomorrow' }, '/expires_at'],
    [{ name: 'x', models: [1] }, '/models'],
    [{ name: 'a\u0007b' }, '/name'], [{ name: 'x'.repeat(5000) }, '/name']];
for (const [body, pointer] of WRONG)
    test(`POST /keys ${JSON.stringify(body).slice(0, 50)} names ${pointer}`,
        async () => {
            const problem = isProblem(await gw.admin('POST', '/keys', body),
                400);
            assert.ok(problem.errors.some((one) =>
                one.pointer.startsWith(pointer)), JSON.stringify(problem));
        });

for (const body of ['', '{', '[]', 'null', '{"name":"a","name":"b"}',
    `{"name":"x","y":${'['.repeat(100000)}`, '{"name":"\\u0000"}'])
    test(`POST /keys with ${JSON.stringify(body.slice(0, 20))} is 400`,
        async () => {
            isProblem(await gw.admin('POST', '/keys', body), 400);
        });

test('a body of two megabytes is 413', async () => {
    const got = await gw.admin('POST', '/keys', { name: 'x'.repeat(2e6) });
    isProblem(got, 413);
});

test('an Idempotency-Key makes one key and shows its secret once',
    async () => {
        const headers = { 'idempotency-key': `once-${process.pid}` };
        const one = await gw.admin('POST', '/keys', { name: 'once' },
            { headers });
        assert.equal(one.status, 201);
        const two = await gw.admin('POST', '/keys', { name: 'once' },
            { headers });
        assert.equal(two.json.id, one.json.id, two.text);
        assert.ok(!two.json.key, 'the secret was shown again');
        const other = await gw.admin('POST', '/keys', { name: 'other' },
            { headers });
        assert.ok([409, 422].includes(other.status), other.text);
    });

test('lists page by cursor and are stable under inserts', async () => {
    for (let i = 0; i < 7; i++)
        await gw.newKey({ name: `page ${i}` });
    const seen = [];
    let cursor = '';
    do {
        const got = await gw.admin('GET', `/keys?limit=3${cursor}`);
        assert.equal(got.status, 200, got.text);
        assert.ok(got.json.items.length <= 3);
        seen.push(...got.json.items.map((one) => one.id));
        if (seen.length === 3)
            await gw.newKey({ name: 'between' });
        cursor = got.json.next_cursor
            ? `&cursor=${encodeURIComponent(got.json.next_cursor)}` : '';
    } while (cursor && seen.length < 100);
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(seen.length >= 7);
});

for (const query of ['limit=0', 'limit=501', 'limit=x', 'cursor=%00',
    'cursor=garbage', 'colour=red', 'limit=1&limit=2'])
    test(`GET /keys?${query} is refused`, async () => {
        isProblem(await gw.admin('GET', `/keys?${query}`), 400);
    });

test('what is not there is 404, what cannot be done is 405', async () => {
    isProblem(await gw.admin('GET', '/nothing'), 404);
    isProblem(await gw.admin('GET', '/keys/no-such-key'), 404);
    isProblem(await gw.admin('GET', '/requests/no-such-id'), 404);
    const got = await gw.admin('DELETE', '/requests', undefined);
    assert.ok([404, 405].includes(got.status));
});

test('every list of the console answers', async () => {
    for (const path of ['/keys', '/limits', '/budgets', '/requests',
        '/policies', '/accounts', '/admin-events', '/stats', '/store',
        '/openapi.json']) {
        const got = await gw.admin('GET', path);
        assert.equal(got.status, 200, `${path}: ${got.text.slice(0, 300)}`);
        assert.match(got.headers['content-type'], /json/);
        assert.equal(got.headers['cache-control'], 'no-store');
        assert.equal(got.headers['x-content-type-options'], 'nosniff');
    }
});

test('the OpenAPI document describes each endpoint it serves', async () => {
    const { json } = await gw.admin('GET', '/openapi.json');
    assert.match(json.openapi, /^3\.1/);
    for (const path of ['/keys', '/keys/{id}', '/requests', '/scan'])
        assert.ok(json.paths[path], path);
});

test('stats grow with the requests', async () => {
    const total = async () => (await gw.admin('GET', '/stats?step=minute'))
        .json.totals.requests;
    const before = await total();
    const got = await gw.chat('count');
    await gw.record(got.headers['x-request-id']);
    assert.ok(await total() > before);
});

test('accounts are shown without their credential', async () => {
    const got = await gw.admin('GET', '/accounts');
    assert.ok(got.json.items.length >= 1);
    assert.ok(!got.text.includes(gw.environment().OPENAI_API_KEY));
});

test('policies name each directive that is set, and no secret', async () => {
    const got = await gw.admin('GET', '/policies');
    assert.match(got.text, /ChatGPTLimit/);
    assert.ok(!got.text.includes(gw.environment().OPENAI_API_KEY));
});

test('the pages come with their policy of content', async () => {
    const { user, password } = gw.ready.operators.admin;
    const headers = { authorization: `Basic ${Buffer.from(
        `${user}:${password}`).toString('base64')}` };
    const got = await send(gw.ready.console, { method: 'GET', headers });
    assert.equal(got.status, 200);
    const policy = got.headers['content-security-policy'];
    for (const part of ["default-src 'self'", "object-src 'none'",
        "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'"])
        assert.ok(policy.includes(part), part);
    assert.equal(got.headers['x-content-type-options'], 'nosniff');
    assert.equal(got.headers['referrer-policy'], 'no-referrer');
    assert.ok(!/<script(?![^>]*\bsrc=)/i.test(got.text), 'inline script');
});
