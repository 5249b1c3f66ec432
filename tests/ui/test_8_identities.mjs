/* Identity in the console on the real gateway: a rotation with both secrets, a table of keys, signing keys, an issuer that
 * the test plays, a token that is tried, a credential that is sealed, and the people who called.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { sleep, until, useGateway } from '../http/harness.mjs';
import { Issuer } from '../http/issuer.mjs';
import { choose, noComplaints, settled, startBrowser, watch } from './browser.mjs';

const issuer = await Issuer.start('ES256', 'EdDSA');
after(() => issuer.away());
const gateway = useGateway({ redis: true, server: ['ChatGPTStoreTimeout 2s',
    `ChatGPTIssuer corp issuer=${issuer.iss} audience=gateway jwks=${issuer.url}`,
    'ChatGPTUpstream vault ${UPSTREAM}/v1 stored:main'] }, () => gateway.expectLog('CG9041'));
let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser?.close());

/* A tab of that operator's, with nothing to complain about when then() is done. */
async function at(hash, then, { role = 'operator', expected = [] } = {}) {
    const { user, password } = gateway.ready.operators[role];
    const context = await browser.newContext({ httpCredentials: { username: user, password } });
    const watched = await watch(context, expected);
    await choose(watched.page, { language: 'en' });
    await watched.page.goto(`${gateway.ready.console}#/${hash}`);
    await settled(watched.page);
    await then(watched.page);
    await noComplaints(watched);
    await context.close();
}

const dialog = (page) => page.getByRole('dialog');
const send = (page, name) => dialog(page).locator('footer').getByRole('button', { name }).click();
const row = (page, text) => page.locator('tbody tr', { hasText: text });

async function takeSecret(page) {
    const secret = await page.locator('#new-key').textContent();
    await page.getByLabel('I have stored the key').check();
    await send(page, 'Done');
    await dialog(page).waitFor({ state: 'detached' });
    return secret;
}

test('a rotation: both secrets work, each with its last use, until the old one is ended', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Create key' }).first().click();
        await dialog(page).getByLabel('Name').fill('turning');
        await dialog(page).getByLabel('User').fill('ada');
        await dialog(page).getByLabel('Team').fill('engine');
        await dialog(page).getByLabel('Tags').fill('prod');
        await send(page, 'Create key');
        const old = await takeSecret(page);
        await row(page, 'turning').first().click();
        await page.getByRole('button', { name: 'New secret' }).click();
        await send(page, 'New secret');
        await page.getByText('The old secret works until').waitFor();
        const fresh = await takeSecret(page);
        await page.locator('.panel .state', { hasText: 'rotating' }).waitFor();
        await sleep(1000);
        for (const key of [old, fresh]) assert.equal((await gateway.chat('hello', { key })).status, 200);
        const secrets = page.locator('.panel .small-table');
        assert.match(await secrets.textContent(), new RegExp(`…${fresh.slice(-4)}.*…${old.slice(-4)}`));
        await page.getByRole('button', { name: 'End the previous one now' }).click();
        await send(page, 'End the previous one now');
        await secrets.waitFor({ state: 'detached' });
        await sleep(1000);
        assert.equal((await gateway.chat('hello', { key: old })).status, 401);
        assert.equal((await gateway.chat('hello', { key: fresh })).status, 200);
    });
});

test('a fault of a place stands beside its field', async () => {
    await at('keys', async (page) => {
        await row(page, 'turning').first().click();
        await page.getByRole('button', { name: 'Edit' }).click();
        await dialog(page).getByText('Where and when it may be used').click();
        await dialog(page).getByLabel('Endpoints').fill('nonsense');
        await dialog(page).getByLabel('Addresses').fill('10.0.0.0/99');
        await send(page, 'Save changes');
        await dialog(page).getByText('Not an endpoint').waitFor();
        await dialog(page).getByText('Not an address or a network').waitFor();
        await dialog(page).getByLabel('Endpoints').fill('chat');
        await dialog(page).getByLabel('Addresses').fill('');
        await dialog(page).getByLabel('Hours').fill('mon-sun 00:00-24:00 UTC');
        await send(page, 'Save changes');
        await dialog(page).waitFor({ state: 'detached' });
        await page.locator('.panel dd', { hasText: 'mon-sun 00:00-24:00' }).waitFor();
    }, { expected: [/status of 400/] });
});

test('keys are brought in by a table and taken out again', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Import CSV' }).click();
        await dialog(page).getByLabel('Table').fill('name,team,tags,limits\nnightly,ops,prod,100/60s\nbroken,ops,,many\n');
        await send(page, 'Dry run');
        await dialog(page).getByText('1 line cannot be used').waitFor();
        await send(page, 'Import 1 line');
        const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
        const [, key] = readFileSync(await saved.path(), 'utf8').match(/"nightly","([^"]+)"/);
        await send(page, 'Done');
        await row(page, 'nightly').first().waitFor();
        assert.equal((await gateway.chat('hello', { key })).status, 200);
        await page.getByLabel('Tags', { exact: true }).selectOption('prod');
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export CSV' }).click()]);
        const text = readFileSync(await file.path(), 'utf8');
        assert.match(text, /nightly/);
        assert.match(text, /turning/);
        assert.ok(!text.includes(key) && text.trim().split('\n').length === 3);
    });
});

test('a signing key is made of a public key, suspended, made active and revoked', async () => {
    const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
    await at('signing_keys', async (page) => {
        await page.getByRole('button', { name: 'Create signing key' }).first().click();
        await dialog(page).getByLabel('Name').fill('courier');
        await dialog(page).getByLabel('User').fill('ada');
        await dialog(page).getByLabel('Public key').fill(pem);
        await send(page, 'Create signing key');
        await dialog(page).waitFor({ state: 'detached' });
        await row(page, 'courier').first().click();
        await page.locator('.panel pre', { hasText: 'BEGIN PUBLIC KEY' }).waitFor();
        await page.getByRole('button', { name: 'Edit' }).click();
        await dialog(page).getByLabel('Team').fill('engine');
        await send(page, 'Save changes');
        await dialog(page).waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Suspend' }).click();
        await page.getByRole('button', { name: 'Make active' }).click();
        await page.getByRole('button', { name: 'Suspend' }).waitFor();
        await page.locator('.panel').getByRole('button', { name: 'Revoke' }).click();
        await page.getByLabel(/Type its name/).fill('courier');
        await send(page, 'Revoke');
        await page.locator('.panel .state', { hasText: 'revoked' }).waitFor();
    });
});

test('an issuer shows its keys; a token is judged by the rules of the gateway, and stands in no log', async () => {
    await until(async () => (await gateway.chat('hello', { key: issuer.token({ sub: 'grace' }) })).status === 200,
        { ms: 5000, what: 'the issuer\'s keys' });
    const good = issuer.token({ sub: 'grace' });
    const late = issuer.token({ sub: 'grace', exp: Math.floor(Date.now() / 1000) - 3600 });
    const other = issuer.token({ sub: 'grace', aud: 'elsewhere' });
    await at('issuers/corp', async (page) => {
        await page.locator('.panel .small-table td', { hasText: 'ES256-0' }).waitFor();
        const asked = issuer.asked;
        await page.getByRole('button', { name: 'Refresh now' }).click();
        await until(() => issuer.asked > asked, { ms: 5000, what: 'the keys to be asked for' });
        await page.locator('.panel').getByRole('button', { name: 'Close' }).click();
        for (const [token, words] of [[late, 'It has expired.'], [other, 'It is for another audience.'],
            [`${good.slice(0, -6)}AAAAAA`, 'Its signature is wrong.'], ['a.b', 'It is not three parts'], [good, 'Accepted.']]) {
            await page.getByLabel('Token (JWT)').fill(token);
            await page.getByRole('button', { name: 'Try it' }).click();
            await page.locator('.token .notice', { hasText: words }).waitFor();
            assert.equal(await page.getByLabel('Token (JWT)').inputValue(), '');
        }
        await page.locator('.token pre', { hasText: '"sub": "grace"' }).waitFor();
    });
    for (const token of [good, late, other]) assert.ok(!gateway.log().includes(token.split('.')[2]));
});

test('a credential of an upstream is missing until it is set, and its value never comes to the page', async () => {
    const value = randomBytes(24).toString('hex');
    await at('credentials', async (page) => {
        await row(page, 'main').getByText('missing').waitFor();
        await row(page, 'main').click();
        await page.getByText('chatgptctl credential set main', { exact: true }).waitFor();
        assert.equal((await gateway.ctl(['credential', 'set', 'main'], { input: value })).code, 0);
        await page.locator('.panel .state.ok').waitFor({ timeout: 20000 }); /* the page asks by itself */
        assert.match(await page.locator('.panel .facts').textContent(), /Used byvault/);
        assert.ok(!(await page.content()).includes(value));
    }, { role: 'viewer' });
});

test('who called by key and who called by token are both among the people', async () => {
    await at('people', async (page) => {
        await page.getByRole('button', { name: 'Ask again' }).click();
        await row(page, 'ada').waitFor();
        await row(page, 'grace').first().click();
        await page.locator('.panel .facts').waitFor();
        assert.match(await page.locator('.panel .facts').textContent(), /Keys0, 0 active/);
        await page.getByRole('button', { name: 'Close' }).click();
        await page.getByRole('link', { name: 'Teams', exact: true }).click();
        await row(page, 'engine').first().click();
        await page.getByRole('link', { name: 'Their keys' }).click();
        await row(page, 'turning').first().waitFor();
    }, { role: 'viewer' });
});
