// chatgptctl token: what it mints the gateway takes, and it judges as the gateway.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { useGateway } from './harness.mjs';
import { ROOT } from './launch.mjs';

const TOOL = process.env.CG_CTL ?? path.join(ROOT, 'build', 'chatgptctl');
const folder = mkdtempSync(path.join(tmpdir(), 'cg-token-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name) => path.join(folder, name);
const tool = (words, input = '') => spawnSync(TOOL, ['token', ...words],
    { input, encoding: 'utf8', timeout: 20000 });
const ALGS = ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA'];
const WHO = ['--iss', 'https://tool.test', '--aud', 'gateway', '--sub', 'robot'];

// Before httpd starts: it reads the files of keys then.
for (const alg of ALGS)
    execFileSync(TOOL, ['token', 'new-key', '--alg', alg, file(alg)]);
writeFileSync(file('secret'), `${'s3cret-'.repeat(10)}\n`, { mode: 0o600 });

const gw = useGateway({ policy: ['ChatGPTAttempts off'], server: [
    ...ALGS.map((alg) => `ChatGPTIssuer ${alg} issuer=https://tool.test `
        + `audience=gateway "jwks=file:${file(alg)}.pub" algorithms=${alg}`),
    'ChatGPTIssuer shared issuer=https://tool.test audience=gateway '
        + `"secret=file:${file('secret')}" algorithms=HS256` ] });

function mint(alg, key, ...more) {
    const got = tool(['mint', '--alg', alg, '--key', file(key), ...WHO, ...more]);
    assert.equal(got.status, 0, got.stderr);
    return got.stdout.trim();
}

test('a private key is for its owner alone, and is not written over', () => {
    assert.equal(statSync(file('ES256')).mode & 0o777, 0o600);
    assert.match(readFileSync(file('ES256.pub'), 'utf8'), /BEGIN PUBLIC KEY/);
    const before = readFileSync(file('ES256'));
    assert.equal(tool(['new-key', '--alg', 'ES256', file('ES256')]).status, 1);
    assert.deepEqual(readFileSync(file('ES256')), before);
});

test('what is minted gets in, with every kind of key', async () => {
    for (const alg of ALGS) {
        const got = await gw.chat('hello', { key: mint(alg, alg) });
        assert.equal(got.status, 200, `${alg}: ${got.text}`);
    }
    assert.equal((await gw.chat('hello', { key: mint('HS256', 'secret') }))
        .status, 200);
});

test('claims, kid, typ and time are as asked', () => {
    const token = mint('ES256', 'ES256', '--kid', 'k1', '--typ', 'at+jwt',
        '--for', '5min', '--claim', 'roles=["a","b"]', '--claim', 'n=1',
        '--claim', 'team=R and D');
    const [header, claims] = token.split('.').slice(0, 2).map((part) =>
        JSON.parse(Buffer.from(part, 'base64url')));
    assert.deepEqual(header, { alg: 'ES256', kid: 'k1', typ: 'at+jwt' });
    assert.equal(claims.exp - claims.iat, 300);
    assert.deepEqual([claims.roles, claims.n, claims.team],
        [['a', 'b'], 1, 'R and D']);
});

test('check says what the gateway would, and why', async () => {
    const token = mint('RS256', 'RS256');
    const words = (audience) => ['check', 'x', 'issuer=https://tool.test',
        `audience=${audience}`, `jwks=file:${file('RS256')}.pub`];
    const good = tool(words('gateway'), `${token}\n`);
    assert.equal(good.status, 0, good.stderr);
    assert.equal(JSON.parse(good.stdout).user, 'robot');
    const bad = tool(words('others'), token);
    assert.equal(bad.status, 1);
    assert.equal(JSON.parse(bad.stdout).rule, 'aud');
    const forged = `${token.slice(0, -8)}AAAAAAAA`;
    assert.equal(JSON.parse(tool(words('gateway'), forged).stdout).rule,
        'signature');
    assert.equal((await gw.chat('hello', { key: forged })).status, 401);
});

test('wrong use is said, and no key is ever printed', () => {
    for (const words of [[], ['mint'], ['new-key'], ['what'],
        ['mint', '--alg', 'none', '--key', file('RS256'), ...WHO],
        ['mint', '--alg', 'RS256', '--key', file('RS256')],
        ['check', 'x', 'issuer=a', 'audience=b', 'jwks=https://idp.test/k']])
        assert.equal(tool(words).status, 2, words.join(' '));
    for (const [alg, key] of [['RS256', 'ES256'], ['ES256', 'ES256.pub'],
        ['HS512', 'nothing']]) {
        const got = tool(['mint', '--alg', alg, '--key', file(key), ...WHO]);
        assert.equal(got.status, 1);
        assert.equal(got.stdout, '');
        assert.ok(!/BEGIN|s3cret/.test(got.stderr));
    }
});
