/* Identity in the console, on the stand-in: filters and ends of keys, tables of keys, signing keys, issuers, a token that
 * is tried and kept nowhere, people and teams.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { settled } from './browser.mjs';
import { PROBE } from './house.mjs';
import { useStand } from './stand.mjs';

const stand = useStand();
const { at } = stand;
const posts = (path) => stand.mock.calls.filter((call) => call.method === 'POST' && call.path === path);
const dialog = (page) => page.getByRole('dialog');
const send = (page, name) => dialog(page).locator('footer').getByRole('button', { name }).click();

test('keys are filtered by state, team, tag and end, and the address says so', async () => {
    await at('keys', async (page) => {
        await settled(page);
        const states = () => page.locator('tbody .state').allTextContents();
        await page.getByLabel('State', { exact: true }).selectOption('suspended');
        assert.deepEqual([...new Set(await states())], ['suspended']);
        await page.getByLabel('State', { exact: true }).selectOption('');
        await page.getByLabel('Team', { exact: true }).selectOption('payments');
        await page.getByLabel('Tags', { exact: true }).selectOption('prod');
        const asked = await page.evaluate(() => location.hash);
        assert.match(asked, /team=payments/);
        assert.match(asked, /tag=prod/);
        assert.match(await page.getByRole('link', { name: 'Export CSV' }).getAttribute('href'),
            /keys-export\?team=payments&tag=prod$/, 'what is exported is what is shown');
        await page.getByLabel('Expires', { exact: true }).selectOption('7d');
        await page.getByText('Nothing matches the filters').waitFor();
        await page.getByRole('button', { name: 'Clear filters' }).click();
        await page.getByText('keys end within 14 days.').waitFor();
        await page.getByRole('link', { name: 'Show' }).click();
        await page.locator('tbody tr', { hasText: 'Li Wei laptop' }).getByText('in 6 d').waitFor();
        assert.equal(await page.locator('tbody tr').count(), await page.locator('tbody .chip.warn').count());
    });
});

test('where there are more keys than a page holds, the server filters', async () => {
    await at('keys', async (page) => {
        let asked = '';
        await page.route('**/api/v1/keys?*', (route) => {
            const url = new URL(route.request().url());
            asked = url.search;
            const name = url.searchParams.get('q') || 'any';
            const items = Array.from({ length: 500 }, (_, i) => ({ id: `${name}${url.searchParams.get('cursor') || 0}-${i}`,
                name: `${name} ${i}`, state: 'active', tags: [], models: [], limits: [], created_at: '2026-11-01T00:00:00Z' }));
            const next = Number(url.searchParams.get('cursor') || 0) + 1;
            return route.fulfill({ json: url.searchParams.has('q') ? { items: items.slice(0, 3), next_cursor: null }
                : { items, next_cursor: String(next) } });
        });
        await page.getByRole('button', { name: 'Ask again' }).click();
        await page.getByText('Only the first 10,000 are shown here.').waitFor();
        await page.locator('main input[type=search]').fill('rare');
        await page.getByText('3 rows').waitFor();
        assert.match(asked, /q=rare/);
    });
});

test('a new key says where and when it may be used', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Create key' }).click();
        await dialog(page).getByLabel('Name').fill('office');
        await dialog(page).getByLabel('Tags').fill('prod, eu');
        await dialog(page).getByText('Where and when it may be used').click();
        await dialog(page).getByLabel('Endpoints').fill('chat embeddings');
        await dialog(page).getByLabel('Addresses').fill('10.0.0.0/8,2001:db8::/32');
        await dialog(page).getByLabel('Hours').fill('mon-fri 08:00-18:00 Europe/Berlin');
        await send(page, 'Create key');
        await page.locator('#new-key').waitFor();
        assert.deepEqual(posts('keys')[0].body, { name: 'office', tags: ['prod', 'eu'], endpoints: ['chat', 'embeddings'],
            addresses: ['10.0.0.0/8', '2001:db8::/32'], hours: 'mon-fri 08:00-18:00 Europe/Berlin' });
    });
});

test('both secrets of a rotating key are told apart, and the old one is ended', async () => {
    await at('keys?state=rotating', async (page) => {
        await page.locator('tbody a').first().click();
        const row = page.locator('.panel tbody tr', { hasText: 'previous' });
        assert.match(await row.textContent(), /…7f21.*3 min ago/s);
        await page.getByRole('button', { name: 'End the previous one now' }).click();
        await dialog(page).getByText('It was last used 3 min ago.').waitFor();
        await send(page, 'End the previous one now');
        await dialog(page).waitFor({ state: 'detached' });
        await row.waitFor({ state: 'detached' });
        assert.equal(stand.mock.calls.filter((call) => call.path.endsWith('/end-grace')).length, 1);
    });
});

test('a rotation says how long the old secret works', async () => {
    await at('keys?state=active', async (page) => {
        await page.locator('tbody a').first().click();
        await page.getByRole('button', { name: 'New secret' }).click();
        assert.equal(await dialog(page).getByLabel('The old secret works for').inputValue(), '24h');
        await dialog(page).getByLabel('The old secret works for').selectOption('1h');
        await send(page, 'New secret');
        await page.getByText('The old secret works until').waitFor();
        assert.deepEqual(stand.mock.calls.find((call) => call.path.endsWith('/rotate')).body, { grace: '1h' });
    });
});

test('a table of keys is tried first; what it made is saved before it closes', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Import CSV' }).click();
        const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByText('From a file').click()]);
        await chooser.setFiles({ name: 'keys.csv', mimeType: 'text/csv',
            buffer: Buffer.concat([Buffer.from('name,team\n'), Buffer.from([0xb2, 0xe2, 0xca, 0xd4]),
                Buffer.from(',ops\n,ops\n=1+1,ops\n')]) });
        await page.waitForFunction(() => document.querySelector('dialog textarea').value.includes('测试'), null,
            { timeout: 5000 });
        await send(page, 'Dry run');
        await dialog(page).getByText('1 line cannot be used').waitFor();
        assert.deepEqual(posts('keys-import').map((call) => call.body.dry_run), [true]);
        await send(page, 'Import 2 lines');
        await page.getByText('This is the only time these secrets are shown.').waitFor();
        assert.ok(await dialog(page).getByRole('button', { name: 'Done' }).isDisabled());
        await page.keyboard.press('Escape');
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
        assert.equal(readFileSync(await file.path(), 'utf8'),
            'id,name,key\r\n"i0","测试","secret-of-测试"\r\n"i2","\'=1+1","secret-of-=1+1"\r\n');
        await send(page, 'Done');
        await dialog(page).waitFor({ state: 'detached' });
        assert.equal(await page.getByText('secret-of-').count(), 0);
    });
});

test('a signing key: a shared secret is told once, a public key is given, suspended, and revoked by its name', async () => {
    await at('signing_keys', async (page) => {
        await page.getByRole('button', { name: 'Create signing key' }).click();
        await dialog(page).getByLabel('Name').fill('courier');
        await dialog(page).getByLabel('Algorithm').selectOption('hmac-sha256');
        await dialog(page).getByLabel('Team').fill('ops');
        await send(page, 'Create signing key');
        assert.equal(await page.locator('#new-key').textContent(), 'c2hvd24gb25jZQ==');
        assert.deepEqual(posts('signing-keys')[0].body, { name: 'courier', team: 'ops', algorithm: 'hmac-sha256' });
        await page.getByLabel('I have stored the key').check();
        await send(page, 'Done');
        await page.getByRole('button', { name: 'Create signing key' }).click();
        await dialog(page).getByLabel('Name').fill('pair');
        await dialog(page).getByLabel('User').fill('li.wei');
        await dialog(page).getByLabel('Public key').fill('-----BEGIN PUBLIC KEY-----\nMCow…\n-----END PUBLIC KEY-----');
        await send(page, 'Create signing key');
        await dialog(page).waitFor({ state: 'detached' });
        assert.match(posts('signing-keys')[1].body.public_key, /^-----BEGIN PUBLIC KEY-----\nMCow/);
        await page.locator('tbody a', { hasText: 'pair' }).click();
        await page.getByRole('button', { name: 'Suspend' }).click();
        await page.locator('.panel .state.warn').waitFor();
        await page.getByRole('button', { name: 'Make active' }).click();
        await page.locator('.panel .state.ok').waitFor();
        await page.locator('.panel').getByRole('button', { name: 'Revoke' }).click();
        assert.ok(await dialog(page).getByRole('button', { name: 'Revoke' }).isDisabled());
        await page.getByLabel(/Type its name/).fill('pair');
        await send(page, 'Revoke');
        await page.locator('.panel .state.bad').waitFor();
        assert.equal(await page.locator('.panel footer').count(), 0);
        await page.getByRole('button', { name: 'Close' }).click();
        assert.equal(await page.locator('tbody tr', { hasText: PROBE }).count(), 1);
        assert.equal(await page.locator('main img').count(), 0);
    });
});

test('issuers that need a look stand first; their keys are asked for anew', async () => {
    await at('issuers', async (page) => {
        await settled(page);
        assert.deepEqual(await page.locator('tbody .name').allTextContents(), ['new', 'partner', 'corp', 'local']);
        await page.locator('tbody a', { hasText: 'partner' }).click();
        await page.locator('.panel').getByText('connection refused').waitFor();
        await page.getByRole('button', { name: 'Refresh now' }).click();
        await page.locator('.panel .state.ok').waitFor();
        assert.equal(posts('issuers/partner/refresh').length, 1);
        await page.getByRole('button', { name: 'Close' }).click();
        await page.locator('tbody a', { hasText: 'local' }).click();
        await page.locator('.panel h2', { hasText: 'local' }).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Refresh now' }).count(), 0, 'a file is not fetched');
    });
});

/* All that a browser may keep of a page. */
const kept = (page) => page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie,
    history.state, location.href, await indexedDB.databases(), await caches.keys(), document.body.innerHTML,
    Array.from(document.querySelectorAll('input, textarea'), (field) => field.value),
    performance.getEntries().map((entry) => entry.name)]));

test('a token is tried and the rule named; it is in no address, history or storage, and gone from the page', async () => {
    await at('issuers', async (page) => {
        const token = 'eyJhbGciOiJFUzI1NiJ9.rule-aud.c2lnbmF0dXJl';
        const field = page.getByLabel('Token (JWT)');
        const asked = [];
        page.on('request', (request) => asked.push(request));
        for (const [name, value] of [['autocomplete', 'off'], ['spellcheck', 'false']]) {
            assert.equal(await field.getAttribute(name), value);
        }
        const before = await page.evaluate(() => history.length);
        await field.fill(` Bearer ${token}\n`);
        await page.getByRole('button', { name: 'Try it' }).click();
        await page.getByText('It is for another audience.').waitFor();
        assert.deepEqual(posts('token-checks').map((call) => call.body), [{ token }]);
        assert.equal(await page.evaluate(() => history.length), before);
        assert.ok(!(await kept(page)).includes('rule-aud'));
        assert.deepEqual(asked.filter((one) => one.url().includes('rule-aud')
            || JSON.stringify(one.headers()).includes('rule-aud')), []);
        await field.fill('eyJh.good.x');
        await page.getByRole('button', { name: 'Try it' }).click();
        await page.getByText('Accepted.').waitFor();
        await page.locator('.token dd', { hasText: 'staff, ml' }).waitFor();
        /* One that was never sent is gone, too, when the page is left and come back to. */
        await field.fill(token);
        await page.getByRole('link', { name: 'Upstreams' }).click();
        await page.locator('h1', { hasText: 'Upstreams' }).waitFor();
        await page.goBack();
        assert.equal(await field.inputValue(), '');
        await field.fill(token);
        await page.goto('about:blank');
        await page.goBack();
        await field.waitFor();
        assert.equal(await field.inputValue(), '');
        assert.ok(!(await kept(page)).includes('rule-aud'));
    });
});

test('people and teams: found, opened, and led on to keys and requests', async () => {
    await at('people', async (page) => {
        await settled(page);
        await page.locator('main input[type=search]').fill('wei');
        await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
        await page.locator('tbody a').first().click();
        await page.locator('.panel .facts').waitFor();
        await page.locator('.panel dd a').first().click();
        await page.waitForFunction(() => /by=team/.test(location.hash));
        const team = await page.locator('.panel h2').textContent();
        await page.locator('.panel .facts').waitFor();
        await page.getByRole('link', { name: 'Their keys' }).click();
        await page.waitForFunction(() => /#\/keys\?team=/.test(location.hash));
        await settled(page);
        const column = await page.locator('thead th').allTextContents();
        const teams = await page.locator(`tbody td:nth-child(${column.indexOf('Team') + 1})`).allTextContents();
        assert.deepEqual([...new Set(teams)], [team]);
    });
    await at('people/nobody.here', (page) => page.getByText('Not met recently').waitFor());
});

test('a viewer reads identities and changes none of them', async () => {
    stand.mock.roles = ['viewer'];
    for (const hash of ['keys?state=rotating', 'signing_keys', 'issuers']) {
        await at(hash, async (page) => {
            await page.locator('tbody a').first().click();
            await page.locator('.panel .facts').waitFor();
            assert.equal(await page.locator('.panel footer').count(), 0, hash);
            for (const name of ['Create key', 'Create signing key', 'Import CSV', 'End the previous one now', 'Try it']) {
                assert.equal(await page.getByRole('button', { name }).count(), 0, `${hash}: ${name}`);
            }
        });
    }
});

test('an empty house says what these pages are for', async () => {
    stand.mock.scenario = 'empty';
    for (const [hash, words] of [['signing_keys', 'No signing keys yet'], ['issuers', 'No issuer is set up'],
        ['people', 'Nobody yet'], ['people?by=team', 'Nobody yet']]) {
        await at(hash, (page) => page.getByText(words).waitFor());
    }
});
