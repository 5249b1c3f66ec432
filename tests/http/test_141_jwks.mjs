// The keys of an issuer: rotation, removal, and a flood of invented keys; beside an
// issuer that never answers.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { Issuer, newKey } from './issuer.mjs';

const issuer = await Issuer.start('RS256', 'ES256');
const slow = await Issuer.start('RS256');
slow.answer = () => {};
after(() => Promise.all([issuer, slow].map((one) => one.away().catch(() => {}))));

const gw = useGateway({ policy: ['ChatGPTAttempts off'], server: [
    `ChatGPTIssuer slow issuer=https://slow.test audience=gateway jwks=${slow.url}`,
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway `
        + `jwks=${issuer.url}`] }, async () => {
    gw.expectLog('CG1022', 'CG1030'); // until the keys are here; of the slow one
    await until(async () => (await ask(issuer.token())).status === 200,
        { ms: 5000, what: 'the issuer\'s keys' });
});

const ask = (token) => gw.chat('hello', { key: token });
const state = async () => (await gw.admin('GET', '/issuers')).json.items[1];

/** All children, not only the one that happens to answer. */
async function everywhere(token, status) {
    await until(async () => {
        for (let i = 0; i < 12; i++) {
            const got = await gw.chat('hello', { key: token, agent: false });
            if (got.status !== status)
                return false;
        }
        return true;
    }, { ms: 5000, what: `${status} from every child` });
}

test('one process asks for the whole server', () => {
    assert.equal(issuer.asked, 1);
});

test('a new key is known within moments of its first token', async () => {
    const fresh = newKey('RS256', 'fresh');
    issuer.keys.push(fresh);
    await everywhere(issuer.token({ sub: 'new' }, fresh), 200);
    assert.equal(issuer.asked, 2);
    assert.equal((await ask(issuer.token())).status, 200);
});

test('a flood of invented keys makes at most one call in a minute',
    async () => {
        const before = issuer.asked;
        const thief = newKey('RS256', 'thief');
        for (let round = 0; round < 10; round++) {
            const flood = Array.from({ length: 20 }, (_, i) => ask(
                issuer.token({}, { ...thief, kid: `invented-${round}-${i}` })));
            for (const got of await Promise.all(flood))
                assert.equal(got.status, 401);
        }
        await sleep(1000);
        // The new key's token used up this minute's call.
        assert.ok(issuer.asked - before <= 1, `${issuer.asked - before} calls`);
        assert.equal((await ask(issuer.token())).status, 200);
    });

test('a key that is taken back ends with the next set, cached tokens too',
    async () => {
        const gone = issuer.keys[1];
        const token = issuer.token({}, gone);
        await everywhere(token, 200);
        issuer.keys.splice(1, 1);
        const asked = await gw.admin('POST', '/issuers/corp/refresh', {});
        assert.equal(asked.status, 202, asked.text);
        await everywhere(token, 401);
        assert.equal((await ask(issuer.token())).status, 200);
        assert.ok(!(await state()).keys.some(({ kid }) => kid === gone.kid));
    });

test('a set without a key takes all of them back, and new ones bring it to an end',
    { timeout: 20000 }, async () => {
        gw.expectLog('CG1031');
        const token = issuer.token({ sub: 'last' });
        const kept = issuer.keys;
        await everywhere(token, 200);
        issuer.keys = [];
        await gw.admin('POST', '/issuers/corp/refresh', {});
        await everywhere(token, 503);
        assert.equal((await state()).state, 'failed');
        assert.match((await state()).error, /no key/);
        issuer.keys = kept;
        await everywhere(token, 200);
        assert.equal((await state()).state, 'ok');
    });

test('an issuer that does not answer holds up neither another nor the end',
    { timeout: 20000 }, async () => {
        const before = slow.asked;
        assert.ok(before > 0);
        await gw.admin('POST', '/issuers/slow/refresh', {});
        await until(() => slow.asked > before, { ms: 12000, what: 'a call' });
        const began = Date.now();
        await gw.halt();
        assert.ok(Date.now() - began < 4000, `${Date.now() - began} ms`);
        await gw.bare();
        await until(() => ask(issuer.token()).then((got) => got.status === 200,
            () => false), { ms: 8000, what: 'httpd' });
    });
