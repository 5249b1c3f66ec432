// TLS to Redis, a user of an access list, and words of ChatGPTStore that are wrong.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { startOne } from './fleet.mjs';
import { until, useGateway } from './harness.mjs';

const run = promisify(execFile);
const folder = await mkdtemp(path.join(tmpdir(), 'cg-tls-'));
const at = (name) => path.join(folder, name);
const NEW = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2'];

/** An authority, and who is certified by it: a server and a client. */
async function certify() {
    for (const name of ['ca', 'other'])
        await run('openssl', [...NEW, '-x509', '-keyout', at(`${name}.key`),
            '-out', at(`${name}.crt`), '-subj', `/CN=${name}`]);
    for (const [who, extension] of [['server', 'subjectAltName=DNS:redis.test'],
        ['client', 'extendedKeyUsage=clientAuth']]) {
        await writeFile(at(`${who}.ext`), extension);
        await run('openssl', [...NEW.slice(0, -2), '-keyout', at(`${who}.key`),
            '-out', at(`${who}.csr`), '-subj', `/CN=${who}`]);
        await run('openssl', ['x509', '-req', '-in', at(`${who}.csr`), '-CA',
            at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days',
            '2', '-extfile', at(`${who}.ext`), '-out', at(`${who}.crt`)]);
    }
}

await certify();
const password = ['word', 'of', 'the', 'gate'].join('-');
await writeFile(at('password'), `${password}\n`);
for (const name of ['password', 'client.key'])
    await chmod(at(name), 0o600);
const fleet = await startOne((port) => ['--tls-port', String(port),
    '--tls-cert-file', at('server.crt'), '--tls-key-file', at('server.key'),
    '--tls-ca-cert-file', at('ca.crt'), '--tls-auth-clients', 'yes',
    '--user', 'gate', 'on', `>${password}`, '~cg:*', '&cg:*', '+@read', '+@write',
    '+@scripting', '+@pubsub', '+@connection', '+info', '+role', '+time',
    '--user', 'default', 'off'], { isTls: true });
const url = `rediss://127.0.0.1:${fleet.port(0)}`;
const words = `user=gate password=file:${at('password')} ca=${at('ca.crt')} `
    + `certificate=${at('client.crt')} key=${at('client.key')} `
    + 'server-name=redis.test';
const gw = useGateway({ store: `${url} ${words}` });
after(async () => {
    await fleet.stop();
    await rm(folder, { recursive: true, force: true });
});

test('keys, limits and records work over TLS as a user with few rights',
    async () => {
        const made = await gw.newKey({ name: 'tls', limits: ['3/60s'],
            budget: '1USD/month' });
        const seen = [];
        for (let i = 0; i < 5; i++)
            seen.push(await gw.chat('hi', { key: made.key }));
        assert.deepEqual(seen.map((one) => one.status),
            [200, 200, 200, 429, 429]);
        await gw.record(seen[0].headers['x-request-id']);
        await gw.revoke(made.id);
        await until(async () => (await gw.chat('hi', { key: made.key }))
            .status === 401, { ms: 2000, every: 50, what: 'the revoked key refused' });
    });

test('chatgptctl takes the same words', async () => {
    const told = await gw.ctl(['key', 'list', '--store', `${url} ${words}`]);
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stdout, /"name":"tls"/);
    const wrong = await gw.ctl(['key', 'list', '--store',
        `${url} ${words.replace('/ca.crt', '/other.crt')}`]);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /certificate/);
    assert.ok(!wrong.stderr.includes(password));
});

test('words that are wrong keep httpd from starting, and say what is legal',
    async () => {
        for (const [line, why] of [
            [`${url} ca=/nonexistent/ca.pem`, /\/nonexistent\/ca\.pem/],
            [`${url} password=${password}`, /file:/],
            [`${url} ${password}`, /user=/],
            ['redis://h ca=/x', /tls=on/],
            ['sentinel://h', /\/name/],
            ['cluster://h/3', /one database/],
            ['http://h', /sentinel:\/\//]]) {
            const said = await gw.configtest([`ChatGPTStore ${line}`]);
            assert.equal(said.ok, false, line);
            assert.match(said.words, why);
            assert.ok(said.words.includes('ChatGPTStore'), said.words);
            assert.ok(!said.words.includes(password), said.words);
        }
    });
