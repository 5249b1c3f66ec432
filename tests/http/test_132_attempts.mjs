// Failed authentications: counted by address and by key id, and by nothing else.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, sleep, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-tries-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync('chmod', ['755', folder]);
const passwords = path.join(folder, 'passwords');
execFileSync('htpasswd', ['-cbB', '-C', '4', passwords, 'mary', 'poppins'],
    { stdio: 'ignore' });

// Callers come from addresses of documentation, through a trusted proxy.
const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
const gw = useGateway({ redis: true, policy: ['ChatGPTAttempts 5/60s'], server: [
    '<IfModule !remoteip_module>',
    `LoadModule remoteip_module "${modules}/mod_remoteip.so"`, '</IfModule>',
    'ChatGPTStoreTimeout 2s', 'ChatGPTAttempts 4/60s', 'RemoteIPHeader X-Real', 'RemoteIPInternalProxy 127.0.0.1',
    '<Location "/basic/v1">', 'ChatGPTEngine on', 'AuthType Basic',
    'AuthName api', 'AuthBasicProvider file', `AuthUserFile "${passwords}"`,
    'Require valid-user', 'ChatGPTAttempts 3/60s', '</Location>',
    '<Location "/console/api">', 'ChatGPTAttempts 3/60s', '</Location>',
    '<Location "/few/v1">', 'ChatGPTEngine on', 'AuthType ChatGPT',
    'AuthName api', 'Require valid-user', 'ChatGPTAttempts 2/4s',
    '</Location>'] }, () => gw.expectLog('AH01617', 'AH01618', /CG[29]02/,
    'CG1016'));

const ask = (address, credential, at = '') => send(
    `http://127.0.0.1:${gw.port}${at}/v1/chat/completions`, {
        headers: gw.headers({ 'x-real': address,
            authorization: credential ? `Bearer ${credential}` : null }),
        body: JSON.stringify({ model: MODEL,
            messages: [{ role: 'user', content: 'hi' }] }) });

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
    + 'abcdefghijklmnopqrstuvwxyz';
function crc32(text) {
    let crc = 0xFFFFFFFF;
    for (const byte of Buffer.from(text)) {
        crc ^= byte;
        for (let i = 0; i < 8; i++)
            crc = (crc >>> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return (crc ^ 0xFFFFFFFF) >>> 0;
}
/** A key of the right shape and checksum, with a secret nobody was given. */
function guess(id) {
    const body = `vk_${id}_${randomBytes(32).toString('base64url')}_`;
    let number = crc32(body);
    let sum = '';
    for (let i = 0; i < 6; i++) {
        sum = ALPHABET[number % 62] + sum;
        number = Math.floor(number / 62);
    }
    return body + sum;
}

function isTooMany(got, most = 12) {
    assert.equal(got.status, 429, got.text);
    assert.equal(got.error.code, 'too_many_attempts');
    const wait = Number(got.headers['retry-after']);
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= most,
        got.headers['retry-after']);
    return got;
}

test('the sixth wrong key of an address in a minute is not looked at',
    async () => {
        for (let i = 0; i < 5; i++)
            assert.equal((await ask('192.0.2.1', `sk-wrong-${i}`)).status, 401);
        isTooMany(await ask('192.0.2.1', 'sk-wrong-9'));
        isTooMany(await ask('192.0.2.1', guess('abcd2345')));
        assert.equal((await ask('192.0.2.2', 'sk-wrong-9')).status, 401);
    });

test('a key that was never right from there waits too', async () => {
    isTooMany(await ask('192.0.2.1', gw.key));
    assert.equal((await ask('192.0.2.3', gw.key)).status, 200);
});

test('neighbours who were right before go on', async () => {
    assert.equal((await ask('192.0.2.4', gw.key)).status, 200);
    for (let i = 0; i < 5; i++)
        await ask('192.0.2.4', `sk-wrong-${i}`);
    isTooMany(await ask('192.0.2.4', 'sk-wrong'));
    assert.equal((await ask('192.0.2.4', gw.key)).status, 200);
    assert.equal((await ask('192.0.2.4', gw.key, '/few')).status, 200);
});

test('guesses at one key are counted from whatever address', async () => {
    const { id, key } = await gw.newKey({ name: 'guessed' });
    for (let i = 0; i < 5; i++)
        assert.equal((await ask(`198.51.100.${i}`, guess(id))).status, 401);
    isTooMany(await ask('198.51.100.77', guess(id)));
    assert.equal((await ask('198.51.100.78', guess('zzzz2222'))).status, 401);
    isTooMany(await ask('198.51.100.79', key));
});

test('an id that is no key is counted like one that is', async () => {
    const seen = [];
    for (let i = 0; i < 6; i++)
        seen.push(await ask(`203.0.113.${i}`, guess('nnnn3333')));
    assert.deepEqual(seen.map((one) => one.status),
        [401, 401, 401, 401, 401, 429]);
    const { id } = await gw.newKey({ name: 'real' });
    const wrong = await ask('203.0.113.99', guess(id));
    const plain = ({ error, headers }) => [error, Object.keys(headers).sort(),
        headers['www-authenticate']];
    assert.deepEqual(plain(wrong), plain(seen[0]));
});

test('of IPv6 the network counts', async () => {
    for (let i = 0; i < 5; i++)
        await ask(`2001:db8:1:1::${i + 1}`, 'sk-wrong');
    isTooMany(await ask('2001:db8:1:1:ffff::', 'sk-wrong'));
    assert.equal((await ask('2001:db8:1:2::1', 'sk-wrong')).status, 401);
});

test('successes, and calls without a key, are never counted', async () => {
    for (let i = 0; i < 12; i++)
        assert.equal((await ask('192.0.2.10', gw.key)).status, 200);
    for (let i = 0; i < 12; i++)
        assert.equal((await ask('192.0.2.11', null)).status, 401);
    assert.equal((await ask('192.0.2.11', gw.key)).status, 200);
});

test('a key that has ended is no guess', async () => {
    const { id, key } = await gw.newKey({ name: 'ends' });
    await gw.revoke(id);
    const codes = new Set();
    for (let i = 0; i < 8; i++)
        codes.add((await ask('192.0.2.12', key)).error.code);
    assert.ok(!codes.has('too_many_attempts'));
});

test('after Retry-After there is room for one more', async () => {
    for (let i = 0; i < 2; i++)
        await ask('192.0.2.20', 'sk-wrong', '/few');
    const got = isTooMany(await ask('192.0.2.20', 'sk-wrong', '/few'), 2);
    await new Promise((done) => {
        setTimeout(done, 1000 * Number(got.headers['retry-after']) + 50);
    });
    assert.equal((await ask('192.0.2.20', gw.key, '/few')).status, 200);
    assert.equal((await ask('192.0.2.20', 'sk-wrong', '/few')).status, 401);
});

test('guesses sent at once are told no more than those sent in turn',
    async () => {
        const { key } = await gw.newKey({ name: 'among guesses' });
        const told = await Promise.all(Array.from({ length: 48 }, (_, i) =>
            ask('192.0.2.60', i === 40 ? key : `sk-wrong-${i}`)));
        const wrong = told.filter((got) => got.status === 401).length;
        assert.ok(wrong <= 5, `${wrong} were told that they are wrong`);
        told.filter((got) => got.status === 429).forEach((got) => isTooMany(got));
        assert.ok(told.filter((got) => got.status === 429).length >= 42);
    });

test('many right calls at once from a new address all pass', async () => {
    const { key } = await gw.newKey({ name: 'crowd' });
    const told = await Promise.all(Array.from({ length: 40 }, () =>
        ask('192.0.2.61', key)));
    assert.deepEqual([...new Set(told.map((got) => got.status))], [200]);
});

/** Sends the request line now, and what follows it when it is told to. */
function begin(address) {
    const socket = net.connect(gw.port, '127.0.0.1', () =>
        socket.write('GET /v1/models HTTP/1.1\r\n'));
    return (credential) => new Promise((done, no) => {
        let text = '';
        socket.on('data', (part) => { text += part; });
        socket.on('error', no);
        socket.on('close', () => done(Number(text.slice(9, 12))));
        socket.write(`Host: x\r\nX-Real: ${address}\r\nConnection: close\r\n`
            + `Authorization: Bearer ${credential}\r\n\r\n`);
    });
}

test('a request that began before the limit was reached is over it too',
    async () => {
        const early = Array.from({ length: 3 }, () => begin('192.0.2.62'));
        await sleep(1200);
        for (let i = 0; i < 5; i++)
            await ask('192.0.2.62', `sk-wrong-${i}`);
        isTooMany(await ask('192.0.2.62', 'sk-wrong'));
        for (const end of early)
            assert.equal(await end('sk-early'), 429);
        isTooMany(await ask('192.0.2.62', 'sk-wrong'));
    });

test('passwords of Basic are counted as well', async () => {
    const basic = (word) => send(
        `http://127.0.0.1:${gw.port}/basic/v1/models`, { method: 'GET',
            headers: { 'x-real': '192.0.2.30', authorization: `Basic ${
                Buffer.from(word).toString('base64')}` } });
    for (let i = 0; i < 3; i++)
        assert.equal((await basic(`mary:${i}`)).status, 401);
    isTooMany(await basic('mary:poppins'), 20);
});

test('the console\'s passwords are counted where the directive is written',
    async () => {
        const { user, password } = gw.ready.operators.admin;
        const sign = (word, address) => gw.admin('GET', '/session', undefined, {
            as: null, headers: { 'x-real': address, authorization: `Basic ${
                Buffer.from(`${user}:${word}`).toString('base64')}` } });
        assert.equal((await sign(password, '192.0.2.50')).status, 200);
        for (let i = 0; i < 3; i++)
            assert.equal((await sign(`wrong-${i}`, '192.0.2.50')).status, 401);
        const got = await sign('wrong-9', '192.0.2.50');
        assert.equal(got.status, 429);
        assert.ok(Number(got.headers['retry-after']) > 0);
        assert.equal((await sign(password, '192.0.2.50')).status, 200);
        assert.equal((await sign(password, '192.0.2.51')).status, 200);
    });

test('at server level the directive guards every password of the server',
    async () => {
        const { user, password } = gw.ready.operators.admin;
        const look = (word, address) => send(`http://127.0.0.1:${gw.port
        }/metrics`, { method: 'GET', headers: { 'x-real': address,
            authorization: `Basic ${Buffer.from(`${user}:${word}`)
                .toString('base64')}` } });
        for (let i = 0; i < 4; i++)
            assert.equal((await look(`wrong-${i}`, '192.0.2.55')).status, 401);
        assert.equal((await look(password, '192.0.2.55')).status, 429);
        assert.equal((await look(password, '192.0.2.56')).status, 200);
    });

test('make run limits them', () => {
    const text = readFileSync(gw.ready.config, 'utf8');
    assert.match(text.split('<Location')[0], /^ChatGPTAttempts 10\/60s$/m);
});

test('children count together, and Redis being away changes nothing',
    async () => {
        const known = await gw.newKey({ name: 'seen' });
        for (let i = 0; i < 12; i++) // in every child
            assert.equal((await ask('192.0.2.41', known.key)).status, 200);
        await gw.redis.stop();
        gw.expectLog('CG9020', 'CG9021', /CG80\d\d/, /CG103\d/);
        let refused = 0;
        for (let i = 0; i < 30 && !refused; i++) {
            const got = await ask('192.0.2.40', 'sk-wrong');
            refused = got.status === 429 ? i : 0;
        }
        assert.equal(refused, 5);
        isTooMany(await ask('192.0.2.40', guess('abcd2345')));
        // Known or not: away, nobody is told more than that.
        const { id } = known;
        for (const one of [id, 'zzzz4444']) {
            const seen = [];
            for (let i = 0; i < 6; i++)
                seen.push((await ask(`203.0.113.${100 + i}`, guess(one))).status);
            assert.deepEqual(seen, [503, 503, 503, 503, 503, 429]);
        }
        assert.equal((await ask('192.0.2.41', known.key)).status, 200);
        await gw.redis.start();
    });
