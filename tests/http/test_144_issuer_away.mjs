// An issuer that is away or says nonsense: what it said last stays in force, also
// over a restart; without any keys nobody gets in.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { Issuer, newKey } from './issuer.mjs';

const issuer = await Issuer.start('RS256');
after(() => issuer.away().catch(() => {}));

const gw = useGateway({ redis: true, policy: ['ChatGPTAttempts off'], server: [
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway `
        + `jwks=${issuer.url}`] }, async () => {
    gw.expectLog('CG1022', 'CG1030', 'CG1031');
    await until(async () => (await ask(issuer.token())).status === 200,
        { ms: 5000, what: 'the issuer\'s keys' });
});

const ask = (token) => gw.chat('hello', { key: token });
const state = async () => (await gw.admin('GET', '/issuers')).json.items[0];

test('answers that are no set of keys change nothing, and are told', async () => {
    const wrong = [
        (response) => response.writeHead(302, { location: '/other' }).end(),
        (response) => response.end(JSON.stringify({ keys: [{ kty: 'oct',
            k: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', kid: 'x' },
        issuer.keys[0].jwk] }))];
    issuer.answer = wrong[0];
    for (const one of wrong) {
        issuer.answer = one;
        const before = issuer.asked;
        await gw.admin('POST', '/issuers/corp/refresh', {});
        await until(() => issuer.asked > before, { ms: 5000, what: 'a call' });
        await until(async () => (await state()).state === 'stale',
            { ms: 3000, what: 'the state' });
        assert.notEqual((await state()).error, null);
        assert.equal((await ask(issuer.token())).status, 200);
    }
    issuer.answer = null;
    await until(async () => {
        await gw.admin('POST', '/issuers/corp/refresh', {});
        return (await state()).state === 'ok';
    }, { ms: 5000, what: 'the set again' });
    assert.equal((await state()).error, null);
});

const folder = () => path.join(gw.folder, 'journal');

test('the set on the disk is for this server alone', () => {
    const files = readdirSync(folder()).filter((name) =>
        name.startsWith('issuer-corp.'));
    assert.deepEqual(files.sort(), ['issuer-corp.jwks', 'issuer-corp.state']);
    for (const name of files)
        assert.equal(statSync(path.join(folder(), name)).mode & 0o777, 0o600);
});

test('the issuer is away: tokens go on, also after a restart', async () => {
    await issuer.away();
    assert.equal((await ask(issuer.token())).status, 200);
    await gw.halt();
    await gw.bare();
    await until(() => ask(issuer.token()).then((got) => got.status === 200,
        () => false), { ms: 8000, what: 'httpd' });
    assert.equal((await ask(issuer.token({}, newKey('RS256', 'RS256-0'))))
        .status, 401);
});

test('no keys at all: 503, nobody gets in, and the issuer\'s return is noticed',
    { timeout: 30000 }, async () => {
        await gw.halt();
        const file = path.join(folder(), 'issuer-corp.jwks');
        writeFileSync(file, readFileSync(file, 'utf8').replace('/keys', '/old'));
        await gw.bare();
        await until(() => gw.chat('hello').then((got) => got.status === 200,
            () => false), { ms: 8000, what: 'httpd' });
        const got = await ask(issuer.token());
        assert.equal(got.status, 503, got.text);
        assert.equal(got.error.code, 'issuer_unavailable');
        await issuer.back();
        await until(async () => (await ask(issuer.token())).status === 200,
            { ms: 8000, what: 'the issuer again' });
    });
