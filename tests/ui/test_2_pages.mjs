/* Every page in both languages and both themes: it shows, it says nothing on the browser's console, it breaks no policy,
 * a screen reader finds its way, and it speaks one language only.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { noComplaints, settled } from './browser.mjs';
import { allWords, PAGES } from './pages.mjs';
import { useStand } from './stand.mjs';

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const english = allWords('en');
const chinese = allWords('zh');

const stand = useStand();

async function asTables(page) {
    for (const one of await page.locator('.chart .segments button:last-child').all()) await one.click();
}

async function drafted(page) {
    await page.locator('.in-force .primary').click();
    await page.locator('.workbench').waitFor();
}

/* The draft with a fault, a finding of each kind, and something to publish. */
async function triedOut(page) {
    await drafted(page);
    await page.locator('.types select').nth(4).selectOption('log');
    await page.fill('#try-text', 'a.b@example.org, 4111 1111 1111 1111, Project Falcon, 13800138000');
    await page.locator('.found').waitFor();
}

async function part(page, n) {
    await drafted(page);
    await page.locator('.workbench > div > .segments button').nth(n).click();
    await page.locator('.own, .packs').first().waitFor();
}

async function publishing(page) {
    await triedOut(page);
    await page.locator('.publish .primary:enabled').click();
    await page.getByRole('dialog').waitFor();
}

async function tokenTried(page) {
    await page.fill('.token textarea', 'eyJh.rule-nbf.x');
    await page.locator('.token .primary').click();
    await page.locator('.token .notice').waitFor();
}

async function tableTried(page) {
    await page.locator('.actions .button:not(.primary, .bare)').click();
    await page.fill('dialog textarea', 'name,team\nnightly,ops\n,ops\n');
    await page.locator('dialog footer .primary').click();
    await page.locator('dialog tbody tr').first().waitFor();
}

const first = (page) => page.locator('tbody a').first().click();

async function scanned(page) {
    await page.fill('#scan-text', 'a.b@example.org, 4111 1111 1111 1111, Project Falcon');
    await page.click('button[type=submit]');
    await page.locator('.scanned').first().waitFor();
}

async function limitsSet(page) {
    await page.locator('.panel footer .button').nth(1).click();
    await page.locator('dialog .limit-line input').last().fill('100/60x soft');
    await page.locator('dialog summary').click();
}

async function requestTried(page) {
    await page.locator('.panel footer .button').first().click();
    await page.fill('dialog textarea', 'Hello');
    await page.locator('dialog input[type=number]').last().fill('90000000');
    await page.locator('dialog footer .primary').click();
    await page.locator('dialog tbody tr').first().waitFor();
}

async function limitsTried(page) {
    await page.locator('.actions .button:not(.primary, .bare)').last().click();
    await page.fill('dialog textarea', 'dimension,subject,limits\nteam,red,100/60s\nteam,,1/1s\n');
    await page.locator('dialog footer .primary').click();
    await page.locator('dialog tbody tr').first().waitFor();
}

/* Pages, and what opens over them. */
const FACES = [
    ...PAGES.map((name) => ({ name, hash: name })),
    { name: 'overview as tables', hash: 'overview?range=7d', act: asTables },
    { name: 'a request', hash: 'requests', act: (page) => page.locator('tbody a').nth(1).click() },
    { name: 'a key', hash: 'keys', act: (page) => page.locator('tbody a').nth(1).click() },
    { name: 'a new key', hash: 'keys', act: (page) => page.locator('.actions .primary').click() },
    { name: 'a key with two secrets', hash: 'keys?state=rotating', act: first },
    { name: 'a table of keys', hash: 'keys', act: tableTried, isOfMany: true },
    { name: 'a signing key', hash: 'signing_keys', act: first },
    { name: 'a new signing key', hash: 'signing_keys', act: (page) => page.locator('.actions .primary').click(),
        isOfMany: true },
    { name: 'an issuer and a token', hash: 'issuers/partner', act: tokenTried },
    { name: 'a person', hash: 'people', act: first, isOfMany: true },
    { name: 'teams', hash: 'people?by=team' },
    { name: 'a credential', hash: 'credentials', act: first, isOfMany: true },
    { name: 'a budget and its burn-down', hash: 'limits/team%2Fpayments' },
    { name: 'a window and what was used of it', hash: 'limits/endpoint%2Fchat', act: asTables, isOfMany: true },
    { name: 'limits that are set', hash: 'limits/team%2Fpayments', act: limitsSet, isOfMany: true },
    { name: 'limits of whom', hash: 'limits', act: (page) => page.locator('.actions .primary').click(), isOfMany: true },
    { name: 'a request that is thought of', hash: 'limits/team%2Fpayments', act: requestTried },
    { name: 'a table of limits', hash: 'limits', act: limitsTried, isOfMany: true },
    { name: 'an alert', hash: 'alerts', act: (page) => page.locator('tbody a').nth(3).click() },
    { name: 'a test alert', hash: 'alerts', act: (page) => page.locator('.actions .button:not(.bare)').click(), isOfMany: true },
    { name: 'a scanned text', hash: 'scan', act: scanned },
    { name: 'a draft', hash: 'redaction', act: triedOut },
    ...['packs', 'lists', 'patterns', 'allowed values'].map((name, i) => ({ name: `a draft's ${name}`, hash: 'redaction',
        act: (page) => part(page, i + 1), isOfMany: true })),
    { name: 'a policy to publish', hash: 'redaction', act: publishing, isOfMany: true },
    { name: 'versions of the policy', hash: 'redaction/versions' },
    { name: 'a version of the policy', hash: 'redaction/1' },
];

async function open(page, { hash, act }) {
    await stand.open(page, hash);
    if (act) await act(page);
    await settled(page);
}

for (const language of ['en', 'zh']) {
    for (const theme of ['light', 'dark']) {
        describe(`${language}, ${theme}`, () => {
            let watched;
            before(async () => {
                watched = await stand.tab({ language, theme });
            });
            after(() => watched.page.context().close());
            /* A page's many parts are shown in each language and each theme, not in each pair of them. */
            const isPair = (language === 'en') === (theme === 'light');
            for (const face of FACES.filter((one) => isPair || !one.isOfMany)) {
                test(`${face.name} shows without a word on the console`, async () => {
                    await open(watched.page, face);
                    assert.equal(await watched.page.evaluate(() => document.documentElement.dataset.theme), theme);
                    assert.match(await watched.page.title(), / · mod_chatgpt$/);
                    await noComplaints(watched);
                });
            }
        });
    }
}

/* axe writes a style element of its own, so these tabs are without the policy; the tests above are with it. */
for (const theme of ['light', 'dark']) {
    test(`axe finds nothing to complain about, ${theme}`, async () => {
        const { page } = await stand.tab({ language: 'en', theme }, { bypassCSP: true, reducedMotion: 'reduce' });
        const found = [];
        for (const face of FACES) {
            await open(page, face);
            await page.evaluate(axe);
            const { violations } = await page.evaluate(() => window.axe.run(document,
                { resultTypes: ['violations'], preload: false }));
            found.push(...violations.map((one) => `${face.name}: ${one.id} ${one.nodes[0].html.slice(0, 120)}`));
        }
        assert.deepEqual(found, []);
        await page.context().close();
    });
}

test('in Chinese no English sentence is left on any page', async () => {
    const sentences = new Set(Object.keys(english).filter((key) => english[key] !== chinese[key]
        && !/[{]/.test(english[key])).map((key) => english[key]));
    const { page } = await stand.tab({ language: 'zh' });
    for (const face of FACES) {
        await open(page, face);
        const texts = await page.evaluate(() => {
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const list = [];
            while (walker.nextNode()) list.push(walker.currentNode.data.trim());
            return list.concat(Array.from(document.querySelectorAll('[aria-label],[placeholder],[title]'),
                (node) => node.ariaLabel || node.placeholder || node.title));
        });
        assert.deepEqual(texts.filter((text) => /[a-z]{3}/.test(text) && sentences.has(text)
            && !['payments', 'support', 'platform', 'legal', 'openai'].includes(text)), [], face.name);
    }
    await page.context().close();
});

test('the browser\'s language and theme are taken when nothing was chosen', async () => {
    const watched = await stand.tab({}, { locale: 'zh-TW', colorScheme: 'dark' });
    await open(watched.page, { hash: 'keys' });
    assert.equal(await watched.page.locator('h1').textContent(), chinese['page.keys']);
    assert.equal(await watched.page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await watched.page.emulateMedia({ colorScheme: 'light' });
    await watched.page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
    await noComplaints(watched);
    await watched.page.context().close();
});

test('language, theme and zone are chosen in the menu, at once and for the next time', async () => {
    const watched = await stand.tab();
    const { page } = watched;
    await open(page, { hash: 'overview' });
    await page.locator('.user summary').click();
    await page.getByLabel('中文').check();
    await page.locator(`h1:text-is("${chinese['page.overview']}")`).waitFor();
    await page.getByLabel(chinese['theme.dark']).check();
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
    assert.match(await page.locator('.as-of').first().textContent(), /UTC\+08:00/);
    await page.getByLabel('UTC', { exact: true }).check();
    await page.waitForFunction(() => !/UTC\+/.test(document.querySelector('.as-of').textContent));
    await page.reload();
    await settled(page);
    assert.equal(await page.locator('h1').textContent(), chinese['page.overview']);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await noComplaints(watched);
    await watched.page.context().close();
});

test('paper is light, whatever the theme', async () => {
    const { page } = await stand.tab({ theme: 'dark' });
    await open(page, { hash: 'keys' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.context().close();
});

test('without a mouse: the table is walked, a request opened, stepped through and left', async () => {
    const watched = await stand.tab();
    const { page } = watched;
    await open(page, { hash: 'requests' });
    await page.locator('tbody a').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.ok(await page.locator('tbody a').nth(2).evaluate((node) => node === document.activeElement));
    await page.keyboard.press('Enter');
    await page.locator('.panel .facts').first().waitFor();
    const first = page.url();
    await page.keyboard.press('j');
    await page.waitForFunction((url) => location.href !== url, first);
    await page.keyboard.press('k');
    await page.waitForFunction((url) => location.href === url, first);
    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    assert.ok(await page.locator('tbody a').nth(2).evaluate((node) => node === document.activeElement),
        'focus is back in the list');
    await page.keyboard.press('/');
    assert.ok(await page.locator('main input[type=search]').evaluate((node) => node === document.activeElement));
    await noComplaints(watched);
    await watched.page.context().close();
});
