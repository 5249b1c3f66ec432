// Signing keys: made, changed, ended by the admin API and the tool; never shown twice.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { MODEL, until, useGateway } from './harness.mjs';
import { signed } from './signing.mjs';
import { send } from './wire.mjs';

const sh = promisify(execFile);
let owner;
const gw = useGateway({ policy: ['ChatGPTSignature optional',
    'ChatGPTAttempts off'] }, async () => {
    owner = await gw.newKey({ name: 'signer' });
});

const pemOf = (...kind) => {
    const pair = generateKeyPairSync(...kind);
    return { ...pair, pem: pair.publicKey.export({ type: 'spki',
        format: 'pem' }) };
};
const ed = pemOf('ed25519');

async function served(key, as = owner.key) {
    const url = `${gw.api}/chat/completions`;
    const body = JSON.stringify({ model: MODEL, messages: [{ role: 'user',
        content: 'hi' }] });
    return send(url, { body, agent: false, headers: signed({ url, body, headers: {
        'content-type': 'application/json', authorization: `Bearer ${as}` } },
    key) });
}

const create = (members, options) => gw.admin('POST', '/signing-keys',
    { name: 'one', algorithm: 'ed25519', key: owner.id, ...members }, options);

test('where a signature is optional, none will do, and a bad one will not',
    async () => {
        assert.equal((await gw.chat('hi', { key: owner.key })).status, 200);
        const got = await gw.chat('hi', { key: owner.key,
            headers: { signature: 'sig1=:AAAA:' } });
        assert.equal(got.status, 401);
        assert.equal(got.error.code, 'invalid_signature');
    });

test('a key pair: its public half is kept, and there is nothing to tell',
    async () => {
        const made = await create({ public_key: ed.pem });
        assert.equal(made.status, 201, made.text);
        assert.equal(made.json.secret, null);
        assert.equal(made.json.public_key, ed.pem);
        assert.equal(made.json.last_used_at, null);
        const key = { id: made.json.id, algorithm: 'ed25519',
            secret: ed.privateKey };
        const got = await served(key);
        assert.equal(got.status, 200);
        const record = await gw.record(got.headers['x-request-id']);
        assert.equal(record.signing_key, key.id);
        const seen = await gw.admin('GET', `/signing-keys/${key.id}`);
        assert.ok(Math.abs(Date.parse(seen.json.last_used_at) - Date.now())
            < 60000);
        const listed = await gw.admin('GET', '/signing-keys?limit=500');
        const row = listed.json.items.find((one) => one.id === key.id);
        assert.equal(row.last_used_at, seen.json.last_used_at);
    });

test('a shared secret is told once, and stands nowhere but sealed',
    async () => {
        const headers = { 'idempotency-key': 'make-one' };
        const members = { algorithm: 'hmac-sha256' };
        const made = await create(members, { headers });
        assert.equal(made.status, 201, made.text);
        const { secret } = made.json;
        const key = { id: made.json.id, algorithm: 'hmac-sha256',
            secret: Buffer.from(secret, 'base64') };
        assert.equal((await served(key)).status, 200);
        const again = await create(members, { headers });
        assert.equal(again.json.id, made.json.id);
        assert.equal(again.json.secret, null);
        assert.equal(again.json.key, owner.id);
        const seen = await gw.admin('GET', `/signing-keys/${key.id}`);
        assert.ok(!seen.text.includes(secret));
        await gw.store('SAVE');
        const bytes = Buffer.from(secret, 'base64');
        for (const form of [secret, bytes.toString('base64url'),
            bytes.toString('hex'), [...secret].reverse().join('')]) {
            const found = await sh('grep', ['-rlaF', '--', form, gw.folder])
                .then(({ stdout }) => stdout.trim(), () => '');
            assert.equal(found, '', `secret found in ${found}`);
        }
    });

test('two records whose sealed secrets were exchanged open neither',
    async () => {
        gw.expectLog('CG1021');
        const [a, b] = await Promise.all([0, 1].map(() => create({
            algorithm: 'hmac-sha256' })));
        const at = (one) => `cg:auth:signkey:${one.json.id}`;
        const [of_a, of_b] = await Promise.all([a, b].map((one) =>
            gw.store('HGET', at(one), 'sealed')));
        await gw.store('HSET', at(a), 'sealed', of_b);
        await gw.store('HSET', at(b), 'sealed', of_a);
        for (const one of [a, b]) {
            const got = await served({ id: one.json.id,
                algorithm: 'hmac-sha256',
                secret: Buffer.from(one.json.secret, 'base64') });
            assert.equal(got.status, 503);
            assert.equal(got.error.code, 'signing_key_sealed');
        }
    });

test('what others have already is taken over: id and secret', async () => {
    const bytes = randomBytes(48);
    const made = await create({ algorithm: 'hmac-sha256', id: 'legacy.key-1',
        secret: bytes.toString('base64') });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.secret, null);
    assert.equal((await served({ id: 'legacy.key-1',
        algorithm: 'hmac-sha256', secret: bytes })).status, 200);
    const taken = await create({ algorithm: 'hmac-sha256',
        id: 'legacy.key-1' });
    assert.equal(taken.status, 409);
    const listed = await gw.admin('GET', '/signing-keys?limit=500');
    assert.equal(listed.json.items.filter((one) => one.id === 'legacy.key-1')
        .length, 1);
});

test('what is no sound key is refused by name', async () => {
    const rsa = pemOf('rsa', { modulusLength: 1024 });
    const p384 = pemOf('ec', { namedCurve: 'P-384' });
    const mine = ed.privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const [members, pointer] of [
        [{}, '/public_key'], [{ public_key: 'x' }, '/public_key'],
        [{ public_key: mine }, '/public_key'],
        [{ public_key: ed.pem, algorithm: 'rsa-pss-sha512' }, '/public_key'],
        [{ public_key: rsa.pem, algorithm: 'rsa-pss-sha512' }, '/public_key'],
        [{ public_key: p384.pem, algorithm: 'ecdsa-p256-sha256' },
            '/public_key'],
        [{ public_key: ed.pem, algorithm: 'hmac-sha256' }, '/public_key'],
        [{ algorithm: 'hmac-sha256', secret: 'c2hvcnQ=' }, '/secret'],
        [{ algorithm: 'hmac-sha256', secret: '!' }, '/secret'],
        [{ public_key: ed.pem, secret: 'c2hvcnQ=' }, '/secret'],
        [{ public_key: ed.pem, algorithm: 'rsa-v1_5-sha256' }, '/algorithm'],
        [{ public_key: ed.pem, id: 'a b' }, ''],
        [{ public_key: ed.pem, id: '../x' }, ''],
        [{ public_key: ed.pem, key: null }, ''],
        [{ public_key: ed.pem, expires_at: '2001-01-01T00:00:00Z' },
            '/expires_at'],
        [{ public_key: ed.pem, colour: 1 }, '/colour']]) {
        const got = await create(members);
        assert.equal(got.status, 400, `${JSON.stringify(members)} ${got.text}`);
        assert.ok(got.json.errors.some((one) => one.pointer === pointer),
            got.text);
        assert.ok(!got.text.includes('PRIVATE'));
    }
});

test('a change wants the version that was read; a revoked key stays so',
    async () => {
        const made = await create({ public_key: ed.pem });
        const at = `/signing-keys/${made.json.id}`;
        const patch = (body, etag) => gw.admin('PATCH', at, body,
            { headers: etag ? { 'if-match': etag } : {} });
        assert.equal((await patch({ name: 'two' })).status, 428);
        const turned = await patch({ name: 'two', user: 'ann', key: '' },
            made.headers.etag);
        assert.equal(turned.status, 200, turned.text);
        assert.deepEqual([turned.json.name, turned.json.user,
            turned.json.key], ['two', 'ann', '']);
        assert.equal((await patch({ name: 'three' },
            made.headers.etag)).status, 412);
        assert.equal((await patch({ user: null },
            turned.headers.etag)).status, 400);
        const ended = await gw.admin('POST', `${at}/revoke`,
            { reason: 'lost' });
        assert.equal(ended.json.state, 'revoked');
        assert.equal((await patch({ state: 'active' },
            ended.headers.etag)).status, 409);
        const event = await until(async () => (await gw.admin('GET',
            '/admin-events?operation=signing-keys.revoke')).json?.items?.at(0));
        assert.equal(event.subject, `signing-keys/${made.json.id}`);
        assert.equal(event.change.reason.after, 'lost');
        assert.equal((await gw.admin('GET', '/signing-keys/nobody')).status,
            404);
    });

test('roles: a viewer sees, and changes nothing', async () => {
    const as = { as: 'viewer' };
    assert.equal((await gw.admin('GET', '/signing-keys', undefined, as))
        .status, 200);
    const got = await create({ public_key: ed.pem }, as);
    assert.equal(got.status, 403);
    assert.equal((await gw.admin('GET', '/signing-keys', undefined,
        { as: null })).status, 401);
    const forged = await create({ public_key: ed.pem }, { headers: {
        'x-chatgpt-console': null } });
    assert.equal(forged.status, 403);
});

test('lists go page by page, newest first', async () => {
    const ids = [];
    for (let i = 0; i < 5; i += 1)
        ids.unshift((await create({ public_key: ed.pem })).json.id);
    const seen = [];
    let cursor = '';
    do {
        const page = await gw.admin('GET', `/signing-keys?limit=2${cursor
            && `&cursor=${encodeURIComponent(cursor)}`}`);
        assert.equal(page.status, 200);
        seen.push(...page.json.items.map((one) => one.id));
        cursor = page.json.next_cursor;
    } while (cursor);
    assert.deepEqual(seen.slice(0, 5), ids);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal((await gw.admin('GET', '/signing-keys?cursor=x')).status, 400);
});

test('chatgptctl makes, lists, suspends and revokes them', async () => {
    const made = await gw.ctl(['signkey', 'create', '--name', 'tool', '--alg',
        'ed25519', '--key', owner.id], { input: ed.pem });
    assert.equal(made.code, 0, made.stderr);
    const key = { id: made.lines[0].id, algorithm: 'ed25519',
        secret: ed.privateKey };
    assert.equal((await served(key)).status, 200);
    const shared = await gw.ctl(['signkey', 'create', '--name', 'tool',
        '--alg', 'hmac-sha256', '--key', owner.id, '--expires', '1h']);
    assert.equal(shared.code, 0, shared.stderr);
    const [line] = shared.lines;
    assert.equal((await served({ id: line.id, algorithm: 'hmac-sha256',
        secret: Buffer.from(line.secret, 'base64') })).status, 200);
    const given = randomBytes(32);
    const taken = await gw.ctl(['signkey', 'create', '--name', 'old', '--alg',
        'hmac-sha256', '--id', 'old-one', '--key', owner.id, '--stdin'],
    { input: `${given.toString('base64')}\n` });
    assert.equal(taken.code, 0, taken.stderr);
    assert.equal(taken.lines[0].secret, undefined);
    assert.equal((await served({ id: 'old-one', algorithm: 'hmac-sha256',
        secret: given })).status, 200);
    const listed = await gw.ctl(['signkey', 'list']);
    assert.ok(listed.lines.some((one) => one.id === key.id
        && one.last_used_at));
    assert.ok(!listed.stdout.includes(line.secret));
    for (const [word, state] of [['suspend', 'suspended'],
        ['resume', 'active'], ['revoke', 'revoked'], ['revoke', 'revoked']])
        assert.equal((await gw.ctl(['signkey', word, key.id])).lines[0].state,
            state);
    assert.equal((await gw.ctl(['signkey', 'resume', key.id])).code, 1);
    await new Promise((done) => { setTimeout(done, 1000); });
    assert.equal((await served(key)).status, 401);
});

test('chatgptctl says what is wrong', async () => {
    const cases = [
        [['signkey', 'create', '--name', 'x', '--key', 'k'], '--alg'],
        [['signkey', 'create', '--name', 'x', '--alg', 'rot13'], '--alg'],
        [['signkey', 'create', '--alg', 'ed25519', '--key', 'k'], 'name'],
        [['signkey', 'create', '--name', 'x', '--alg', 'ed25519'], 'belong'],
        [['signkey', 'create', '--name', 'x', '--alg', 'ed25519', '--key',
            'k'], 'public_key'],
        [['signkey', 'create', '--name', 'x', '--alg', 'hmac-sha256', '--key',
            'k', '--stdin'], 'standard input'],
        [['signkey', 'frob'], 'usage'], [['signkey'], 'usage']];
    for (const [words, said] of cases) {
        const got = await gw.ctl(words);
        assert.equal(got.code, 2, words.join(' '));
        assert.ok(got.stderr.includes(said), got.stderr);
    }
    assert.equal((await gw.ctl(['signkey', 'revoke', 'nobody'])).code, 1);
});
