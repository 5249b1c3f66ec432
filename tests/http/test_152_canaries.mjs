// No secret of the gateway stands where it can be read: a canary of each is looked for.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { signatureOf } from '../../docs/examples/sign.mjs';
import { heldBy, mode, readProc, spellings, Watch } from './canary.mjs';
import { sleep, until, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const secret = (bytes = 24) => randomBytes(bytes).toString('base64url');
const b64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const canaries = {
    'credential of the environment': `sk-${secret()}`,
    'credential of the store': `sk-${secret()}`,
    'credential before it was changed': `sk-${secret()}`,
    'seal key of the environment': randomBytes(32).toString('base64url'),
    'signing secret': secret(32),
    'secret of an issuer': secret(48),
};
const folder = mkdtempSync(path.join(tmpdir(), 'cg-canary-'));
const issuerFile = path.join(folder, 'issuer');
writeFileSync(issuerFile, canaries['secret of an issuer'], { mode: 0o600 });
after(() => rmSync(folder, { recursive: true }));
process.env.CG_SEAL_CANARY = canaries['seal key of the environment'];

const MODULES = '/usr/lib/apache2/modules';
const gw = useGateway({ redis: true,
    upstreamKey: canaries['credential of the environment'],
    server: ['LogLevel trace8', `LoadModule info_module ${MODULES}/mod_info.so`,
        `LoadModule http2_module ${MODULES}/mod_http2.so`, 'Protocols h2c http/1.1',
        '<Location "/server-info">', 'SetHandler server-info', 'Require all granted',
        '</Location>', 'ChatGPTSealKey env:CG_SEAL_CANARY',
        'ChatGPTUpstream vault ${UPSTREAM}/v1 stored:main',
        `ChatGPTIssuer acme issuer=https://issuer.test audience=gateway secret=file:${issuerFile}`],
    policy: ['ChatGPTRoute vault upstream', 'ChatGPTRetries 1', 'ChatGPTSignature optional',
        'ChatGPTAttempts off'] }, prepare);

/** What `make run` made itself, and files that hold a secret by design (all of mode 0600). */
const OWN_FILES = ['seal.key', 'pepper', 'api-key.json', 'ready.json', 'operators.json'];
let watch;

function jwt(key) {
    const head = b64({ alg: 'HS256', typ: 'JWT' });
    const body = b64({ iss: 'https://issuer.test', aud: 'gateway', sub: 'someone',
        exp: Math.floor(Date.now() / 1000) + 600, canary: secret() });
    const sum = createHmac('sha256', key).update(`${head}.${body}`).digest('base64url');
    return { whole: `${head}.${body}.${sum}`, body, sum };
}

const token = jwt(canaries['secret of an issuer']);
const forged = jwt('x');
const signingKey = { algorithm: 'hmac-sha256', secret: Buffer.from(canaries['signing secret']) };

async function prepare() {
    const file = (name) => readFileSync(path.join(gw.folder, name), 'utf8').trim();
    Object.assign(canaries, { pepper: file('pepper'), 'seal key': file('seal.key'),
        'seal key, its bytes': Buffer.from(file('seal.key'), 'base64url'),
        'API key': gw.key.slice(12, 55), 'token, its body': token.body,
        'token, its signature': token.sum, 'forged token, its body': forged.body,
        'forged token, its signature': forged.sum });
    watch = new Watch(canaries);
}

async function overHttp2(authorization) {
    const session = http2.connect(`http://127.0.0.1:${gw.port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/v1/chat/completions',
        'content-type': 'application/json', authorization });
    stream.end('{"model":"gpt-4o-mini","messages":[{"role":"user","content":"two"}]}');
    const status = await new Promise((done, failed) => {
        stream.on('response', (headers) => done(headers[':status']));
        session.on('error', failed);
        stream.on('error', failed);
    });
    session.destroy();
    return status;
}

/** A call signed with the canary; `turn` may spoil its signature. */
async function signedCall(turn = (one) => one) {
    const body = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"signed"}]}';
    const url = `${gw.api}/chat/completions`;
    const authorization = `Bearer ${gw.key}`;
    const headers = turn({ authorization, 'content-type': 'application/json',
        ...signatureOf({ method: 'POST', url, authorization, body }, signingKey) });
    return (await send(url, { method: 'POST', body, headers })).status;
}

async function traffic() {
    assert.equal(await signedCall(), 200);
    assert.equal(await signedCall((one) => ({ ...one,
        signature: one.signature.replace(/=:./, (was) =>
            `=:${was.at(-1) === 'A' ? 'B' : 'A'}`) })), 401);
    const wrong = gw.key.slice(0, 20) + (gw.key[20] === 'A' ? 'B' : 'A') + gw.key.slice(21);
    assert.equal((await gw.chat('hello')).status, 200);
    assert.ok((await gw.stream('hello')).whole);
    assert.equal(await overHttp2(`Bearer ${gw.key}`), 200);
    assert.equal(await overHttp2(`Bearer ${token.whole}`), 200);
    assert.equal(await overHttp2(`Bearer ${forged.whole}`), 401);
    assert.equal((await gw.chat('hello', { key: wrong })).status, 401);
    assert.equal((await gw.chat('hello', { key: token.whole })).status, 200);
    assert.equal((await gw.chat('hello', { key: forged.whole })).status, 401);
    const checked = await gw.admin('POST', '/token-checks', { token: token.whole });
    assert.equal(checked.status, 200, checked.text);
    assert.equal((await gw.chat('hello', { headers: { authorization: `Basic ${
        Buffer.from(`a:${gw.key}`).toString('base64')}` } })).status, 401);
    assert.equal((await gw.call('/chat/completions', { body: '{"model":' })).status, 400);
    assert.equal((await gw.call('/nothing-here', { body: {} })).status, 404);
    gw.script({ status: 401, times: 4, body: { error: { message: 'no', code: 'no' } } });
    assert.equal((await gw.chat('hello')).status, 502);
    gw.script({ status: 500, times: 4, body: { error: { message: 'no' } } });
    await gw.chat('hello');
    gw.forget();
}

async function graceful() {
    const before = await gw.children();
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    await until(async () => !(await gw.children()).some((pid) => before.includes(pid)),
        { ms: 8000, what: 'a new generation' });
    await sleep(300);
}

test('secrets are told to the gateway, used, refused, and live over a graceful restart',
    async () => {
        gw.expectLog(/./); // the log is at trace8, and half of this fails by intent
        const set = (value) => gw.ctl(['credential', 'set', 'main'], { input: value });
        assert.equal((await set(canaries['credential before it was changed'])).code, 0);
        assert.equal((await set(canaries['credential of the store'])).code, 0);
        const made = await gw.ctl(['signkey', 'create', '--name', 'canary', '--alg',
            'hmac-sha256', '--key', gw.key.slice(3, 11), '--stdin'],
        { input: Buffer.from(canaries['signing secret']).toString('base64') });
        assert.equal(made.code, 0, made.stderr);
        signingKey.id = made.lines[0].id;
        await sleep(1000);
        await traffic();
        assert.equal((await gw.chat('hello')).status, 200);
        const shown = gw.lastHeaders.authorization;
        assert.ok([canaries['credential of the store'], canaries['credential of the environment']]
            .includes(shown.slice('Bearer '.length)));
        await graceful();
        await traffic();
    });

test('the log did speak of these requests, at trace8', () => {
    assert.match(gw.log(), /Headers received from client/);
    assert.match(gw.log(), /authorization: \[hidden by mod_chatgpt\]/i);
    assert.match(gw.log(), /trace8/);
});

test('no canary stands in the log, the access log, the journal, the RDB, the AOF or any file',
    async () => {
        await gw.store('CONFIG', 'SET', 'rdbcompression', 'no');
        await gw.store('SAVE');
        const names = watch.searchFolder(gw.folder, OWN_FILES);
        assert.deepEqual(names, []);
        assert.ok(readdirSync(gw.folder, { recursive: true }).some((one) => one.endsWith('.aof')));
        assert.ok(readFileSync(path.join(gw.folder, 'dump.rdb')).includes('cgs1.'));
    });

test('no canary stands in an answer of the admin API, in /metrics or in /server-info',
    async () => {
        const { paths } = (await gw.admin('GET', '/openapi.json')).json;
        const lists = ['/keys', '/signing-keys', '/requests', '/admin-events'];
        const ids = {};
        for (const one of lists) {
            const got = await gw.admin('GET', one);
            ids[`${one}/{id}`] = got.json?.items?.[0]?.id;
        }
        const found = [];
        let asked = 0;
        for (const [at, methods] of Object.entries(paths)) {
            if (!methods.get)
                continue;
            const got = await gw.admin('GET', at.replace('{id}', ids[at] ?? '1'));
            asked += got.status === 200 ? 1 : 0;
            found.push(...watch.search(`GET ${at}`, got.text + JSON.stringify(got.headers)));
        }
        assert.ok(asked >= 15, `${asked} were answered`);
        const info = await send(`http://127.0.0.1:${gw.port}/server-info`, { method: 'GET',
            headers: {} });
        assert.match(info.text, /ChatGPTSealKey/);
        found.push(...watch.search('/server-info', info.text));
        found.push(...watch.search('/metrics', await gw.metrics()));
        assert.deepEqual(found, []);
    });

test('no canary stands in DUMP_CONFIG or DUMP_RUN_CFG', async () => {
    const said = await gw.configtest();
    assert.ok(said.ok, said.words);
    for (const what of ['DUMP_CONFIG', 'DUMP_RUN_CFG', 'DUMP_VHOSTS']) {
        const { words } = await gw.configtest([], ['-D', what]);
        assert.deepEqual(watch.search(what, words), []);
        if (what === 'DUMP_CONFIG')
            assert.match(words, /ChatGPTSealKey/);
    }
});

test('no canary stands in the environment or the command line of a process of httpd', async () => {
    const pids = [gw.ready.httpd_pid, ...await gw.children()];
    for (const pid of pids)
        for (const name of ['environ', 'cmdline'])
            assert.deepEqual(watch.search(`${name} of ${pid}`, readProc(pid, name)), []);
});

test('long-lived secrets stand in memory that is locked and left out of core dumps', async () => {
    const names = ['seal key, its bytes', 'pepper', 'seal key of the environment',
        'secret of an issuer', 'signing secret'];
    const secrets = Object.fromEntries(names.map((name) => [name, Buffer.from(canaries[name])]));
    const [child] = await gw.children();
    for (const pid of [gw.ready.httpd_pid, child]) {
        const held = heldBy(pid, secrets);
        assert.ok(held.some((one) => one.name === 'seal key, its bytes'), 'it finds what is there');
        for (const { name, flags, where } of held) {
            assert.ok(flags.includes('dd'), `${name} would be dumped with ${pid}: ${where}`);
            assert.ok(flags.includes('lo'), `${name} may be swapped out with ${pid}`);
        }
    }
});

test('the files that hold a secret are closed to others', () => {
    for (const name of OWN_FILES)
        assert.equal(mode(path.join(gw.folder, name)) & 0o077, 0, name);
    assert.equal(mode(path.join(gw.folder, 'seal.key')), 0o400);
});

test('the search itself finds every spelling', () => {
    const one = new Watch({ word: 'a secret of some length' });
    for (const { what, bytes } of spellings('a secret of some length'))
        assert.ok(one.search('here', Buffer.concat([Buffer.from('x='), bytes]))
            .some((found) => found.includes(what)), what);
    const text = Buffer.from('xya secret of some lengthz');
    assert.ok(one.search('base64', text.toString('base64')).length > 0);
    assert.deepEqual(one.search('nothing', 'a secret of other length'), []);
});
