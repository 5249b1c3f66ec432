// The keys of an issuer: rotation, removal, and a flood of invented keys.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { Issuer, newKey } from './issuer.mjs';

const issuer = await Issuer.start('RS256', 'ES256');
after(() => issuer.away().catch(() => {}));

const gw = useGateway({ policy: ['ChatGPTAttempts off'], server: [
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway `
        + `jwks=${issuer.url}`] }, async () => {
    gw.expectLog('CG1022'); // until the keys are here
    await until(async () => (await ask(issuer.token())).status === 200,
        { ms: 5000, what: 'the issuer\'s keys' });
});

const ask = (token) => gw.chat('hello', { key: token });
const state = async () => (await gw.admin('GET', '/issuers')).json.items[0];

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
