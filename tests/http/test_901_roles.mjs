// Every endpoint of the admin API, for each role, for a forged write, for nobody.
// SPDX-License-Identifier: Apache-2.0
//
// The table is read from the server's own openapi.json, so an endpoint that is added
// is tested without a line here; what its roles may be is checked against the list
// below, so that opening one to more people is never an accident.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const ROLES = ['viewer', 'operator', 'compliance', 'approver', 'admin'];
const NOBODYS = '00000000';

const calls = [];
const gw = useGateway({}, async () => {
    gw.expectLog('AH01617', 'AH01614');
    const { json } = await gw.admin('GET', '/openapi.json');
    for (const [path, methods] of Object.entries(json.paths))
        for (const [method, row] of Object.entries(methods))
            if (row.operationId)
                calls.push({ method: method.toUpperCase(), row,
                    at: path.replaceAll('{id}', NOBODYS)
                        .replace(/\{[^}]+\}/g, 'none') });
});

/** What the document says of an endpoint's roles; admin may everything. */
const rolesOf = ({ row }) => new Set([...row['x-roles'] ?? [], 'admin']);
const isWrite = (call) => call.method !== 'GET';
const code = (got) => String(got.json?.type).split('/').at(-1);

/** A body that no endpoint takes, so that whoever may call changes nothing. */
const WRONG = { 'no-such-member': true };
const speak = (call, options = {}) => gw.admin(call.method, call.at,
    isWrite(call) ? options.body ?? WRONG : undefined, options);

test('the table names its roles, and is not empty', () => {
    assert.ok(calls.length >= 30, `${calls.length}`);
    for (const call of calls) {
        assert.ok(Array.isArray(call.row['x-roles']), call.row.operationId);
        for (const role of rolesOf(call))
            assert.ok(ROLES.includes(role), `${call.row.operationId} ${role}`);
    }
});

test('nobody gets an answer from any endpoint', async () => {
    for (const call of calls)
        for (const headers of [{}, { authorization: `Bearer ${gw.key}` },
            { authorization: 'Basic YWRtaW46YWRtaW4=' }, { 'x-remote-user':
                'admin', remote_user: 'admin', 'x-forwarded-user': 'admin',
            'x-chatgpt-user': 'admin', 'x-chatgpt-role': 'admin' }]) {
            const got = await speak(call, { as: null, headers });
            assert.equal(got.status, 401, `${call.method} ${call.at}`);
            assert.ok(!/"items"|"openapi"/.test(got.text));
        }
});

for (const role of ROLES)
    test(`${role} may call what the table says, and nothing else`,
        async () => {
            let allowed = 0;
            for (const call of calls) {
                const got = await speak(call, { as: role });
                const may = rolesOf(call).has(role);
                const what = `${call.row.operationId} ${got.status} ${got.text
                    .slice(0, 200)}`;
                allowed += may;
                if (!may) {
                    assert.equal(got.status, 403, what);
                    assert.equal(code(got), 'role-required', what);
                    continue;
                }
                assert.ok(![401, 403].includes(got.status), what);
                if (isWrite(call))
                    assert.ok(got.status >= 400, `took anything: ${what}`);
            }
            assert.ok(allowed > 0);
            assert.equal(allowed === calls.length, role === 'admin');
        });

/** Who may, besides admin. The first row that fits; what fits none may nobody. */
const WHO = [
    [/^(?:exports|events)\./, ['approver', 'compliance']],
    [/\.(?:list|get|export|current)$/, ['approver', 'compliance', 'operator',
        'viewer']],
    [/^(?:limit-simulations|alerts)\./, ['approver', 'compliance', 'operator']],
    [/^(?:keys|limits|alert-tests|signing-keys|issuers|token-checks)\./, ['operator']],
    [/^policy-versions\.(?:approve|reject)$/, ['approver']],
    [/^policy-(?:checks|versions)\./, ['compliance', 'operator']],
    [/^scan\./, ['approver', 'compliance']]];

test('nobody may more than is written here; viewers write nothing', () => {
    for (const call of calls) {
        const { operationId } = call.row;
        const [, roles] = WHO.find(([name]) => name.test(operationId)) ?? [];
        assert.ok(roles, `${operationId}: say above who may`);
        assert.deepEqual([...rolesOf(call)].sort(), ['admin', ...roles].sort(),
            operationId);
        if (isWrite(call))
            assert.ok(!roles.includes('viewer'), operationId);
    }
});

const FORGED = {
    'without the console\'s header': [{ 'x-chatgpt-console': null }, 403],
    'with another value of it': [{ 'x-chatgpt-console': 'true' }, 403],
    'from a foreign origin': [{ 'sec-fetch-site': null,
        origin: 'https://evil.example' }, 403],
    'from a foreign site': [{ 'sec-fetch-site': 'cross-site' }, 403],
    'from a sibling site': [{ 'sec-fetch-site': 'same-site' }, 403],
    'from the origin null': [{ 'sec-fetch-site': null, origin: 'null' }, 403],
    'as a form': [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
    'as text': [{ 'content-type': 'text/plain' }, 415],
    'as no type at all': [{ 'content-type': null }, 415],
};
for (const [what, [headers, status]] of Object.entries(FORGED))
    test(`no write ${what} is taken by any endpoint`, async () => {
        for (const call of calls.filter(isWrite)) {
            const got = await speak(call, { headers, body: {} });
            assert.equal(got.status, status, `${call.row.operationId} ${
                got.text}`);
            assert.equal(code(got), status === 403 ? 'cross-site' : 'not-json');
        }
    });

test('no other method opens an endpoint', async () => {
    for (const at of new Set(calls.map((call) => call.at))) {
        const known = calls.filter((call) => call.at === at)
            .map((call) => call.method);
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
            if (!known.includes(method)) {
                const got = await gw.admin(method, at,
                    ['GET', 'DELETE'].includes(method) ? undefined : WRONG);
                assert.equal(got.status, 405, `${method} ${at} ${got.text}`);
            }
    }
});

test('nothing was made, changed or ended by all this', async () => {
    const { json } = await gw.admin('GET', '/admin-events?limit=500');
    for (const one of json.items)
        assert.ok(['denied', 'read'].includes(one.decision),
            JSON.stringify(one));
});
