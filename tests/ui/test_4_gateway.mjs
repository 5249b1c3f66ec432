/* The console on the real gateway: sign in, create a key, call with it, see the request, revoke it and be refused.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { sleep, useGateway } from '../http/harness.mjs';
import { choose, marked, noComplaints, settled, startBrowser, watch } from './browser.mjs';
import { PROBE } from './house.mjs';
import { PAGES } from './pages.mjs';

/* A folder that pictures of every page go to, for eyes. */
const SHOTS = process.env.CG_SHOTS;

/* The Redis is there to be frozen by the last test; for all others a busy machine is no outage. */
const gateway = useGateway({ redis: true, server: ['ChatGPTStoreTimeout 2s'] });
let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser?.close());

/* A tab signed in as that operator, by httpd's own Basic authentication. */
async function signedIn(role, choices = { language: 'en' }, expected = []) {
    const { user, password } = gateway.ready.operators[role];
    const context = await browser.newContext({ httpCredentials: { username: user, password } });
    const watched = await watch(context, expected);
    await choose(watched.page, choices);
    const to = async (hash) => {
        await watched.page.goto('about:blank');
        await watched.page.goto(`${gateway.ready.console}#/${hash}`);
        await settled(watched.page);
    };
    return { ...watched, context, to };
}

async function create(page, name) {
    await page.getByRole('button', { name: 'Create key' }).first().click();
    await page.getByRole('dialog').getByLabel('Name').fill(name);
    await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
    const key = await page.locator('#new-key').textContent();
    await page.getByLabel('I have stored the key').check();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    return key;
}

test('without sign-in there is nothing to see', async () => {
    const page = await fetch(gateway.ready.console);
    assert.equal(page.status, 401);
    assert.match(page.headers.get('www-authenticate'), /^Basic/);
    assert.equal((await fetch(`${gateway.ready.admin_api}/session`)).status, 401);
});

test('a key is created, used, seen, and revoked', async () => {
    const tab = await signedIn('admin');
    const { page } = tab;
    await tab.to('keys');
    const name = 'chromium test';
    const key = await create(page, name);
    assert.doesNotMatch(await page.locator('main').textContent(), new RegExp(key), 'the secret is gone from the page');

    const answer = await gateway.chat('The card is 4111 1111 1111 1111, write to anna@example.org', { key });
    assert.equal(answer.status, 200);

    await gateway.record(answer.headers['x-request-id']);
    await tab.to('requests');
    await page.locator('tbody tr', { hasText: name }).first().click();
    const panel = page.locator('.panel');
    await panel.locator('.facts').first().waitFor().catch(async (problem) => {
        const there = await panel.count() ? await panel.first().textContent() : 'no panel';
        throw new Error(`the request is not shown, but: ${page.url()} ${there}`, { cause: problem });
    });
    await panel.getByText(answer.headers['x-request-id'], { exact: true }).waitFor();
    assert.match(await panel.textContent(), /payment card/);
    assert.match(await panel.locator('.spoken, .talk').first().textContent(), /The card is \[CREDIT_CARD\]/);
    assert.doesNotMatch(await page.content(), /4111 1111|anna@example/);

    await panel.getByRole('link', { name: 'open key' }).click();
    await page.locator('.panel h2', { hasText: name }).waitFor();
    await page.locator('.panel').getByRole('button', { name: 'Revoke' }).click();
    await page.getByLabel(/Type its name/).fill(name);
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.locator('.panel .state.bad', { hasText: 'revoked' }).waitFor();

    await sleep(1000);
    const refused = await gateway.chat('hello', { key });
    assert.equal(refused.status, 401);
    assert.equal(refused.json.error.code, 'key_revoked');
    await gateway.record(refused.headers['x-request-id']);
    await tab.to('requests?decision=refused');
    await page.locator('tbody tr', { hasText: 'key revoked' }).first().waitFor();
    await tab.to('changes');
    await page.locator('tbody tr', { hasText: 'revoke a key' }).first().waitFor();
    await noComplaints(tab);
    await tab.context.close();
});

test('a key is edited, and given a new secret that alone works', async () => {
    const tab = await signedIn('admin');
    const { page } = tab;
    await tab.to('keys');
    const old = await create(page, 'rotated');
    await page.locator('tbody tr', { hasText: 'rotated' }).first().click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('dialog').getByLabel('Team').fill('platform');
    await page.getByRole('button', { name: 'Save changes' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('.panel dd', { hasText: 'platform' }).waitFor();
    await page.getByRole('button', { name: 'New secret' }).click();
    await page.getByLabel('The old secret works for').selectOption('0s');
    await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click();
    const fresh = await page.locator('#new-key').textContent();
    assert.notEqual(fresh, old);
    await sleep(1000);
    assert.equal((await gateway.chat('hello', { key: fresh })).status, 200);
    assert.equal((await gateway.chat('hello', { key: old })).status, 401);
    await noComplaints(tab);
    await tab.context.close();
});

test('data is never markup on the real server either', async () => {
    const tab = await signedIn('admin');
    const { page } = tab;
    await tab.to('keys');
    const name = PROBE.slice(0, 60);
    const key = await create(page, name);
    await page.locator('tbody a', { hasText: name }).click();
    await page.locator('.panel h2', { hasText: name }).waitFor();
    const answer = await gateway.chat(PROBE, { key, headers: { 'user-agent': PROBE } });
    assert.equal(answer.status, 200, answer.text);
    await gateway.record(answer.headers['x-request-id']);
    await tab.to(`requests/${answer.headers['x-request-id']}`);
    await page.locator('.panel .spoken, .panel .talk').first().waitFor({ timeout: 25000 });
    assert.ok((await page.locator('.panel').textContent()).includes(PROBE));
    assert.equal(await page.locator('main img, .panel img').count(), 0);
    await noComplaints(tab);
    await tab.context.close();
});

test('a viewer reads and cannot write, by button or by hand', async () => {
    const tab = await signedIn('viewer', { language: 'en' }, [/status of 403/]);
    const { page } = tab;
    await tab.to('keys');
    assert.equal(await page.getByRole('button', { name: 'Create key' }).count(), 0);
    const status = await page.evaluate(async () => (await fetch('api/v1/keys', {
        method: 'POST', headers: { 'content-type': 'application/json', 'x-chatgpt-console': '1' },
            body: '{"name":"forged"}',
    })).status);
    assert.equal(status, 403);
    await tab.to('requests');
    await page.locator('tbody a').first().click();
    await page.getByText('Texts are shown to the compliance role only.').first().waitFor();
    await noComplaints(tab);
    await tab.context.close();
});

test('another site\'s page cannot write with the operator\'s sign-in', async () => {
    const { user, password } = gateway.ready.operators.admin;
    const base = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        'content-type': 'application/json' };
    const call = (headers) => fetch(`${gateway.ready.admin_api}/keys`,
        { method: 'POST', headers: { ...base, ...headers }, body: '{"name":"forged"}' });
    assert.equal((await call({})).status, 403);
    assert.equal((await call({ 'x-chatgpt-console': '1', 'sec-fetch-site': 'cross-site' })).status, 403);
});

test('a compliance officer tries a text and exports the records', async () => {
    const tab = await signedIn('compliance');
    const { page } = tab;
    await tab.to('scan');
    await page.locator('#scan-text').fill('身份证 11010519491231002X,手机 13800138000,邮箱 a@example.org');
    await page.getByRole('button', { name: 'Scan' }).click();
    await page.locator('.scanned').first().waitFor();
    assert.deepEqual(await marked(page), ['11010519491231002X', '13800138000', 'a@example.org']);
    assert.equal(await page.getByText('China resident id').count() > 0, true);
    await tab.to('requests');
    const [file] = await Promise.all([page.waitForEvent('download'),
        page.getByRole('link', { name: 'Export JSONL' }).click()]);
    const lines = readFileSync(await file.path(), 'utf8').trim().split('\n');
    assert.ok(lines.length >= 3 && lines.every((line) => JSON.parse(line).id));
    await noComplaints(tab);
    await tab.context.close();
});

/* One look at the version's panel: it is in that state. */
const versionIs = (page, state) => page.locator('.panel .state', { hasText: state }).waitFor();

async function publishPolicy(page, note, button) {
    await page.locator('.publish .primary:enabled').click();
    await page.getByRole('dialog').getByLabel('Note').fill(note);
    await page.getByRole('dialog').getByRole('button', { name: button }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
}

const typeSelect = (page, type) => page.locator('.types tr', { has: page.locator(`code:text-is("${type}")`) }).locator('select')
    .first();

test('a policy is drafted, tried, sent for approval by one, approved by another, and holds within a second', async () => {
    const author = await signedIn('compliance');
    const { page } = author;
    await author.to('redaction');
    await page.getByText('No policy is published yet').waitFor();
    await page.getByRole('button', { name: 'Begin from the defaults' }).click();
    await typeSelect(page, 'EMAIL_ADDRESS').selectOption('log');
    await page.getByRole('button', { name: 'Patterns' }).click();
    await page.getByRole('button', { name: 'Add a pattern' }).click();
    await page.getByLabel('Name').fill('contract');
    await page.getByLabel('Regular expression').fill('CTR-(\\d{6}');
    await page.locator('.own .fault').waitFor();
    await page.getByLabel('Regular expression').fill('CTR-\\d{6}');
    await page.getByLabel('What is done').selectOption('block');
    await page.getByLabel('Text to try').fill('CTR-123456 is anna@example.org, 卡号 4111 1111 1111 1111');
    await page.locator('.found li').nth(2).waitFor();
    assert.deepEqual(await marked(page), ['CTR-123456', 'anna@example.org', '4111 1111 1111 1111']);
    assert.match(await page.locator('.found').textContent(), /contract.*blocked.*e-mail address.*noted.*payment card.*masked/s);
    await page.getByText('would be refused as a whole').waitFor();
    await page.getByText('Needs a second person.').waitFor();
    await publishPolicy(page, 'Partner project', 'Send for approval');
    await versionIs(page, 'waits for approval');
    await noComplaints(author);
    assert.equal((await gateway.chat('about CTR-123456')).status, 200, 'nothing changed yet');

    const approver = await signedIn('approver');
    await approver.to('redaction/1');
    await approver.page.getByTitle('1 policy waits for approval').waitFor();
    await approver.page.getByRole('button', { name: 'Approve and publish' }).click();
    await approver.page.getByRole('dialog').getByRole('button', { name: 'Approve and publish' }).click();
    await versionIs(approver.page, 'in force');
    await sleep(1000);
    const refused = await gateway.chat('about CTR-123456');
    assert.equal(refused.status, 400);
    assert.equal(refused.json.error.code, 'content_policy_violation');
    const passed = await gateway.chat('write to anna@example.org, card 4111 1111 1111 1111');
    assert.match((await gateway.record(passed.headers['x-request-id'])).prompt, /anna@example\.org, card \[CREDIT_CARD\]/);
    await noComplaints(approver);
    await approver.context.close();
    await author.context.close();
});

test('what is stricter is published at once; taking it back asks for a second person; changes are told', async () => {
    const tab = await signedIn('compliance');
    const { page } = tab;
    await tab.to('redaction');
    await page.getByRole('button', { name: 'Edit' }).click();
    await typeSelect(page, 'EMAIL_ADDRESS').selectOption('block');
    await publishPolicy(page, 'Project is over', 'Publish now');
    await page.getByText('Version 2 is in force.').waitFor();
    await sleep(1000);
    assert.equal((await gateway.chat('write to anna@example.org')).status, 400);
    await tab.to('redaction/1');
    await page.getByRole('button', { name: 'Roll back to this' }).click();
    await page.getByRole('dialog').getByLabel('Note').fill('after all');
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back to this' }).click();
    await page.getByText('Version 3 waits for a second person.').waitFor();
    await tab.to('redaction/3');
    await page.locator('.policy-changes li.looser', { hasText: 'e-mail address' }).waitFor();
    await page.getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
    await versionIs(page, 'withdrawn');
    await tab.to('changes');
    await page.locator('tbody tr', { hasText: 'roll a policy back' }).first().waitFor();
    await page.locator('tbody tr', { hasText: 'publish or propose a policy' }).getByRole('link', { name: 'Version 2' }).waitFor();
    await noComplaints(tab);
    await tab.context.close();
});

for (const [language, theme] of [['en', 'light'], ['en', 'dark'], ['zh', 'light'], ['zh', 'dark']]) {
    test(`every page shows under the server's own policy, ${language}, ${theme}`, async () => {
        const tab = await signedIn('admin', { language, theme });
        const answer = await tab.page.goto(gateway.ready.console);
        const policy = answer.headers()['content-security-policy'];
        for (const part of ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.includes(part), part);
        assert.equal(answer.headers()['x-content-type-options'], 'nosniff');
        assert.equal(answer.headers()['referrer-policy'], 'no-referrer');
        for (const name of PAGES) {
            await tab.to(name);
            assert.equal(await tab.page.locator('.blank.bad').count(), 0,
                `${name}: ${await tab.page.locator('main').textContent()}`);
            if (SHOTS) await tab.page.screenshot({ path: `${SHOTS}/${name}-${language}-${theme}.png` });
        }
        await noComplaints(tab);
        await tab.context.close();
    });
}

test('a frozen store is said on the page, and its return too', async () => {
    gateway.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i);
    const tab = await signedIn('admin', { language: 'en' }, [/status of 503/]);
    await tab.to('keys');
    gateway.redis.freeze();
    try {
        await tab.page.locator('.notice', { hasText: 'Store away' }).waitFor({ timeout: 20000 });
        await tab.page.getByRole('button', { name: 'Ask again' }).click();
        await tab.page.getByText('The store does not answer.').waitFor();
    } finally {
        gateway.redis.thaw();
    }
    await tab.page.locator('.notice').first().waitFor({ state: 'detached', timeout: 25000 });
    await noComplaints(tab);
    await tab.context.close();
});
