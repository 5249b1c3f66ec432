/* Identity's pages in shapes that a full house does not have by itself: a narrow screen, very long names, five hundred
 * rows, a window that is closed too early, a language that is changed half-way.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { settled } from './browser.mjs';
import { allWords } from './pages.mjs';
import { useStand } from './stand.mjs';

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const stand = useStand();
const { at } = stand;
const NARROW = { viewport: { width: 390, height: 844 } };

/* No blank to break at, no letter that is narrow, and both kinds of script. */
const NAMES = ['W'.repeat(63), '支付网关与结算平台自动化服务账号生产环境华东二区请勿删除'.repeat(2), `a-${'very-'.repeat(11)}long-one`];
const AT = '2026-11-25T00:00:00Z';
const URL_OF = `https://login.${'a'.repeat(60)}.example/realms/main`;

const longKey = (i) => ({ id: `k${i}`, name: NAMES[i % 3], owner: NAMES[1], user: NAMES[2], team: NAMES[(i + 1) % 3],
    prefix: 'vk_3f2a10', last4: '9c1e', previous_last4: '7f21', state: 'rotating', version: 1, created_at: AT, expires_at: null,
    last_used_at: AT, previous_until: '2036-01-01T00:00:00Z', previous_used_at: AT, limits: ['100/60s', '10000tokens/60s'],
    models: NAMES, tags: Array.from({ length: 16 }, (_, k) => `a-long-tag-${k}`), addresses: [`${'2001:db8:'.repeat(4)}/128`],
    vhosts: [NAMES[0]], endpoints: ['chat'], hours: 'mon-fri 08:00-18:00 America/Argentina/ComodRivadavia' });
const LONG = {
    keys: longKey,
    'signing-keys': (i) => ({ id: `${NAMES[0]}${i}`, name: NAMES[i % 3], algorithm: 'ecdsa-p256-sha256', key: '', user: NAMES[1],
        team: NAMES[0], state: 'active', created_at: AT, expires_at: null, last_used_at: AT, version: 1, public_key: NAMES[0] }),
    issuers: (i) => ({ name: `${NAMES[2]}${i}`, issuer: URL_OF, audience: Array(9).fill(URL_OF), algorithms: ['RS256'],
        jwks: `${URL_OF}/certs`, state: 'stale', refreshed_at: AT, tried_at: AT, error: NAMES[0],
        keys: [{ kid: NAMES[0], alg: 'RS256', kty: 'RSA' }] }),
    people: (i) => ({ name: `${NAMES[0]}${i}`, teams: NAMES, keys: 12345, active_keys: 1234, owned_keys: 12, requests: 123456,
        last_used_at: AT, expires_at: AT }),
    credentials: (i) => ({ name: `${NAMES[2]}${i}`, state: 'unreadable', version: 3, in_force: 2, kek_id: `k${i % 2}`,
        created_at: AT, changed_at: AT, used_by: NAMES }),
};

async function withLong(page, n) {
    for (const [thing, make] of Object.entries(LONG)) {
        const items = Array.from({ length: n }, (_, i) => make(i));
        await page.route(new RegExp(`/api/v1/${thing}\\?`), (route) => route.fulfill({ json: { items, next_cursor: null } }));
        await page.route(new RegExp(`/api/v1/${thing}/`), (route) => route.fulfill({ json: items[0], headers: { etag: '"1"' } }));
    }
}

/* What reaches over the edge of the screen, a panel or a dialog. */
const tooWide = (page) => page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.panel-body, dialog, .dialog-body')]
    .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className || node.tagName));

const HASHES = { keys: 'keys', 'signing-keys': 'signing_keys', issuers: 'issuers', people: 'people', credentials: 'credentials' };

for (const viewport of [NARROW.viewport, { width: 1440, height: 900 }]) {
    test(`very long names stay within ${viewport.width} pixels, and a row is not a page`, async () => {
        for (const [thing, hash] of Object.entries(HASHES)) {
            const { page } = await stand.tab({ language: 'en' }, { viewport });
            await withLong(page, 500);
            await stand.open(page, hash);
            assert.deepEqual(await tooWide(page), [], hash);
            assert.match(await page.locator('.table-foot').textContent(), /100 .*500 rows/, 'the rest is put in when asked for');
            const { height } = await page.locator('tbody tr').first().boundingBox();
            assert.ok(height < 130, `${thing}: ${height} pixels`);
            await page.locator('tbody a').first().click();
            await page.locator('.panel .facts').waitFor();
            assert.deepEqual(await tooWide(page), [], `one of ${hash}`);
            const end = page.locator('.panel footer .danger');
            if (await end.count()) {
                await end.click();
                await page.getByRole('dialog').waitFor();
                assert.deepEqual(await tooWide(page), [], `the end of one of ${hash}`);
            }
            await page.context().close();
        }
    });
}

test('on a narrow screen the menu shows where one is, and the last use of both secrets is in sight', async () => {
    await at('keys?state=rotating', async (page) => {
        for (const name of ['People & teams', 'Credentials', 'Keys']) {
            await page.getByRole('link', { name, exact: true }).click();
            await page.locator('h1', { hasText: name }).waitFor();
            const box = await page.locator('.menu [aria-current]').boundingBox();
            assert.ok(box.x >= 0 && box.x + box.width <= 390, `${name} at ${box.x}`);
        }
        await page.locator('tbody tr', { hasText: 'Li Wei laptop' }).locator('a').click();
        const used = page.locator('.small-table td:nth-child(2)');
        await used.first().waitFor();
        for (const cell of await used.all()) {
            assert.match(await cell.textContent(), /^\d+ min ago$/);
            const box = await cell.boundingBox();
            assert.ok(box.x + box.width <= 390, `until ${box.x + box.width}`);
        }
    }, NARROW);
});

test('axe finds nothing on a narrow screen', async () => {
    const { page } = await stand.tab({ language: 'zh' }, { ...NARROW, bypassCSP: true, reducedMotion: 'reduce' });
    const found = [];
    for (const hash of ['keys?state=rotating', 'signing_keys', 'issuers/partner', 'people', 'credentials']) {
        await stand.open(page, hash);
        if (!hash.includes('/')) await page.locator('tbody a').first().click();
        await settled(page);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'], preload: false }));
        found.push(...violations.map((one) => `${hash}: ${one.id} ${one.nodes[0].html.slice(0, 120)}`));
    }
    assert.deepEqual(found, []);
    await page.context().close();
});

test('a window with a secret that nobody has kept asks before it goes, and keeps nothing of it afterwards', async () => {
    await at('keys', async (page) => {
        const asked = [];
        page.on('dialog', (one) => { asked.push(one.type()); one.dismiss(); });
        await page.getByRole('button', { name: 'Create key' }).click();
        await page.getByRole('dialog').getByLabel('Name').fill('kept nowhere');
        await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
        const secret = await page.locator('#new-key').textContent();
        await page.close({ runBeforeUnload: true });
        await page.waitForTimeout(300);
        assert.deepEqual(asked, ['beforeunload']);
        assert.equal(await page.locator('#new-key').textContent(), secret, 'it is still there');
        await page.getByLabel('I have stored the key').check();
        await page.getByRole('button', { name: 'Done' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        const left = await page.evaluate(() => [document.documentElement.outerHTML, JSON.stringify(history.state), location.href,
            JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie,
            ...Array.from(document.querySelectorAll('input, textarea'), (node) => node.value)].join('\n'));
        assert.ok(!left.includes(secret));
        await page.evaluate(() => { location.hash = '#/people'; });
        await page.locator('h1', { hasText: 'People' }).waitFor();
        assert.deepEqual(asked, ['beforeunload'], 'nothing is asked once it was kept');
    });
});

test('an import whose answer was lost is sent again as the same, and what it made without its secrets is told', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Import CSV' }).click();
        await page.fill('dialog textarea', 'name,team\nnightly,ops\n');
        await page.getByRole('button', { name: 'Dry run' }).click();
        const run = page.getByRole('button', { name: 'Import 1 line' });
        await run.waitFor();
        assert.equal(await page.getByText('may have been made').count(), 0);
        const tries = [];
        const answers = [{ status: 502, json: {} }, { json: { items: [{ line: 2, result: 'created', id: 'i1', name: 'nightly',
            key: null, detail: '', audit_id: null }], dry_run: false, created: 1, updated: 0, revoked: 0, unchanged: 0, failed: 0 } }];
        await page.route('**/api/v1/keys-import', (route) => {
            tries.push(route.request().headers()['idempotency-key']);
            return route.fulfill(answers[tries.length - 1]);
        });
        await run.click();
        await page.getByText('Some of these keys may have been made.').waitFor();
        await run.click();
        await page.getByText('1 key was made, but its secret cannot be shown any more.').waitFor();
        assert.equal(tries[0], tries[1], 'the second try is known to be the same');
        const [dry] = stand.mock.calls.filter((call) => call.path === 'keys-import');
        assert.notEqual(dry.headers['idempotency-key'], tries[0], 'a dry run and a run are not the same');
    });
});

test('credentials: what does not open and what is missing stand first; how to give a new one, never a value', async () => {
    await at('credentials', async (page) => {
        await settled(page);
        assert.deepEqual(await page.locator('tbody .name').allTextContents(),
            ['it\'s not there', 'tampered', 'openai-main', 'azure']);
        await page.getByText('Sealed under 3 master keys.').waitFor();
        await page.getByText('chatgptctl seal rotate', { exact: true }).waitFor();
        await page.locator('tbody a').first().click();
        await page.getByText('Nothing is sent to its upstreams.').waitFor();
        await page.getByText(`chatgptctl credential set 'it'\\''s not there'`, { exact: true }).waitFor();
        await page.keyboard.press('j');
        await page.locator('.panel h2', { hasText: 'tampered' }).waitFor();
        await page.getByText('Version 1, which opened last, stays in force.').waitFor();
        assert.deepEqual(stand.mock.calls.filter((call) => call.method !== 'GET'), []);
    });
});

test('another language brings the words of the pages that were opened, and of those still to come', async () => {
    const chinese = allWords('zh');
    await at('issuers', async (page) => {
        await settled(page);
        await page.locator('.user summary').click();
        await page.getByLabel('中文').check();
        await page.getByText(chinese['issuers.about']).waitFor();
        await page.keyboard.press('Escape');
        await page.getByRole('link', { name: chinese['page.people'] }).click();
        await page.getByText(chinese['people.about']).waitFor();
        await page.getByRole('link', { name: chinese['page.issuers'] }).click();
        await page.getByText(chinese['issuers.about']).waitFor();
    });
});

test('a page whose words do not come says so, and comes when asked again', async () => {
    await at('keys', async (page) => {
        await settled(page);
        await page.route('**/words/en/people.json', (route) => route.fulfill({ status: 503, json: {} }), { times: 1 });
        await page.getByRole('link', { name: 'People & teams' }).click();
        await page.getByText('The server does not answer.').waitFor();
        await page.getByRole('button', { name: 'Try again' }).click();
        await page.locator('h1', { hasText: 'People & teams' }).waitFor();
    });
});
