// Issuers in the admin API, a token that is tried, and what is made of its claims.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { Issuer, newKey } from './issuer.mjs';

const issuer = await Issuer.start('RS256', 'ES256');
after(() => issuer.away());

const gw = useGateway({ policy: ['ChatGPTAttempts 3/60s',
    'ChatGPTIdentity user "%{chatgpt_claim:email}"',
    'ChatGPTIdentity team "%{chatgpt_claim:org.unit}"',
    'ChatGPTIdentity role "%{chatgpt_claims:realm_access.roles}"',
    'ChatGPTIdentity model "%{chatgpt_claims:models}"'], server: [
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway audience=more `
        + `jwks=${issuer.url} algorithms=RS256,ES256`,
    `ChatGPTIssuer away issuer=https://away.test audience=gateway `
        + 'jwks=http://127.0.0.1:1/keys'] }, async () => {
    gw.expectLog('CG1030', 'CG1022', 'CG1016');
    await until(async () => (await issuers()).every((one) =>
        ['ok', 'failed'].includes(one.state)), { ms: 5000, what: 'both states' });
});

const issuers = async () => (await gw.admin('GET', '/issuers')).json.items;
const tried = async (token) => {
    const got = await gw.admin('POST', '/token-checks', { token });
    assert.equal(got.status, 200, got.text);
    return got.json;
};
const STAFF = { email: 'alice@example.com', org: { unit: 'search' },
    realm_access: { roles: ['staff', 'a,b'] }, models: ['gpt-4o-mini'] };

test('issuers are listed with their keys and states', async () => {
    const [corp, away] = await issuers();
    assert.equal(corp.name, 'corp');
    assert.equal(corp.issuer, issuer.iss);
    assert.deepEqual(corp.audience, ['gateway', 'more']);
    assert.deepEqual(corp.algorithms, ['RS256', 'ES256']);
    assert.equal(corp.jwks, issuer.url);
    assert.deepEqual(corp.keys, [{ kid: 'RS256-0', alg: 'RS256', kty: 'RSA' },
        { kid: 'ES256-1', alg: 'ES256', kty: 'EC' }]);
    for (const at of [corp.refreshed_at, corp.tried_at])
        assert.ok(Math.abs(Date.now() - Date.parse(at)) < 60000, at);
    assert.equal(corp.error, null);
    assert.equal(away.state, 'failed');
    assert.deepEqual(away.keys, []);
    assert.equal(away.refreshed_at, null);
    assert.ok(away.error);
});

test('a token that is tried is judged by the same rules, and says which',
    async () => {
        const good = await tried(issuer.token(STAFF));
        assert.equal(good.accepted, true);
        assert.equal(good.issuer, 'corp');
        assert.equal(good.rule, null);
        assert.equal(good.user, 'alice');
        assert.equal(good.claims.org.unit, 'search');
        assert.ok(Date.parse(good.expires_at) > Date.now());
        const thief = newKey('RS256', 'RS256-0');
        for (const [token, rule] of [
            ['', 'parts'], ['a.b.c', 'base64url'], [`${issuer.token()}=`,
                'base64url'],
            [issuer.token({}, thief), 'signature'],
            [issuer.token({ aud: 'others' }), 'aud'],
            [issuer.token({ exp: 1 }), 'expired'],
            [issuer.token({ exp: 'soon' }), 'exp'],
            [issuer.token({ iss: 'https://evil.test' }), 'iss'],
            [issuer.token({ iss: 'https://away.test' }), 'no-keys'],
            [issuer.token({}, issuer.keys[0], { crit: ['x'] }),
                'header-member'],
            [issuer.token({}, issuer.keys[0], { kid: 'nobody' }),
                'key-unknown'],
            [issuer.token({}, { ...issuer.keys[0], alg: 'PS256' }),
                'algorithm'],
            ['x'.repeat(20000), 'size']]) {
            if (!token)
                continue;
            const got = await tried(token);
            assert.equal(got.accepted, false);
            assert.equal(got.rule, rule);
            assert.ok(got.detail.length > 10);
            assert.equal(got.user, null);
            assert.equal(got.claims, null);
        }
    });

test('a tried token stands nowhere, and makes no call to its issuer', async () => {
    const before = issuer.asked;
    const token = issuer.token({ sub: 'canary' }, issuer.keys[0],
        { kid: 'unheard-of' });
    assert.equal((await tried(token)).rule, 'key-unknown');
    await until(() => true, { ms: 1000, what: 'a moment' });
    const part = token.split('.')[2];
    assert.ok(!gw.log().includes(part));
    const folder = path.join(gw.folder, 'journal');
    for (const name of readdirSync(folder))
        if (statSync(path.join(folder, name)).isFile())
            assert.ok(!readFileSync(path.join(folder, name)).includes(part));
    const keys = (await gw.store('KEYS', '*')).split('\n');
    for (const key of keys.filter((one) => /^\S+$/.test(one)))
        assert.ok(!(await gw.store('DUMP', key)).includes(part));
    assert.equal(issuer.asked, before);
});

test('roles: a viewer sees issuers; only operators try tokens and refresh',
    async () => {
        for (const as of ['viewer', 'compliance', 'operator'])
            assert.equal((await gw.admin('GET', '/issuers', undefined,
                { as })).status, 200);
        for (const at of ['/token-checks', '/issuers/corp/refresh']) {
            const body = at === '/token-checks' ? { token: 'a.b.c' } : {};
            assert.equal((await gw.admin('POST', at, body, { as: 'viewer' }))
                .status, 403);
            assert.equal((await gw.admin('POST', at, body, { as: 'compliance' }))
                .status, 403);
            assert.ok((await gw.admin('POST', at, body, { as: 'operator' }))
                .status < 300);
            assert.equal((await gw.admin('POST', at, body, { as: null }))
                .status, 401);
        }
        assert.equal((await gw.admin('POST', '/issuers/nobody/refresh', {}))
            .status, 404);
        assert.equal((await gw.admin('POST', '/token-checks', {})).status, 400);
    });

test('an ordered refresh is in the ledger', async () => {
    const before = issuer.asked;
    await until(async () => {
        assert.equal((await gw.admin('POST', '/issuers/corp/refresh', {}))
            .status, 202);
        return issuer.asked > before;
    }, { ms: 5000, what: 'a call' });
    await until(async () => (await gw.admin('GET',
        '/admin-events?operation=issuers.refresh')).json.items?.some((one) =>
        one.subject === 'issuers/corp'), { ms: 5000, what: 'the record' });
});

test('claims become user, team, models by ChatGPTIdentity', async () => {
    const got = await gw.chat('hello', { key: issuer.token(STAFF) });
    assert.equal(got.status, 200, got.text);
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.user, 'alice@example.com');
    assert.equal(record.team, 'search');
    const other = await gw.chat('hello', { key: issuer.token({ ...STAFF,
        models: ['gpt-4o'] }) });
    assert.equal(other.status, 403, other.text);
    assert.equal(other.error.code, 'model_not_allowed');
});

test('expired tokens lock nobody out; forged ones do', async () => {
    for (let i = 0; i < 6; i++)
        assert.equal((await gw.chat('hello', { key: issuer.token({ ...STAFF,
            exp: 1 + i }) })).status, 401);
    assert.equal((await gw.chat('hello', { key: issuer.token(STAFF) })).status,
        200);
    const thief = newKey('RS256', 'RS256-0');
    // Nobody signed in to the console counts too, from the same address.
    const seen = [];
    for (let i = 0; i < 4; i++)
        seen.push(await gw.chat('hello', { key: issuer.token({ ...STAFF,
            jti: String(i) }, thief) }));
    assert.equal(seen[0].status, 401, seen[0].text);
    const got = seen.at(-1);
    assert.equal(got.status, 429, got.text);
    assert.equal(got.error.code, 'too_many_attempts');
});
