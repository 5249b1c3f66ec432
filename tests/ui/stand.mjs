/* The console on the stand-in's server, opened in Chromium: what the tests of pages and states begin with.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   const stand = useStand();
 *   test('…', () => stand.at('keys', async (page) => { … }, { language: 'zh' }));
 *
 * stand.mock says what the server is like; before each test it is a full house and its operator an administrator.
 */
import { after, before, beforeEach } from 'node:test';
import { choose, noComplaints, settled, startBrowser, watch } from './browser.mjs';
import { startMock } from './mock.mjs';
import { buildPages } from './pages.mjs';
import { makePolicy } from './policy.mjs';

/* Refusals that a test makes on purpose appear on the browser's console and are no complaint. */
const REFUSED = /Failed to load resource: the server responded/;

export function useStand() {
    const stand = { mock: null, browser: null };
    before(async () => {
        stand.mock = await startMock(buildPages());
        stand.browser = await startBrowser();
    });
    after(async () => {
        await stand.browser?.close();
        await stand.mock?.close();
    });
    beforeEach(() => Object.assign(stand.mock, { scenario: 'full', roles: ['admin'], user: 'admin', calls: [], delay: 0,
        policy: makePolicy(), noPolicy: { approval: 'loosening', versions: [] } }));

    /* A tab with what was chosen; its first page is not opened yet. */
    stand.tab = async (choices = {}, context = {}, expected = []) => {
        const watched = await watch(await stand.browser.newContext(context), expected);
        await choose(watched.page, choices);
        return watched;
    };
    /* Another place of the console: the page is loaded anew. */
    stand.open = async (page, hash) => {
        await page.goto('about:blank');
        await page.goto(`${stand.mock.url}#/${hash}`);
        await settled(page);
    };
    /* A tab at that place, which must have nothing to complain about when then() is done. */
    stand.at = async (hash, then, { language = 'en', theme, ...context } = {}) => {
        const watched = await stand.tab(theme ? { language, theme } : { language }, context, [REFUSED]);
        await watched.page.goto(`${stand.mock.url}#/${hash}`);
        await watched.page.locator(':is(h1, h2):visible').first().waitFor();
        await then(watched.page, watched.page.context());
        await noComplaints(watched);
        await watched.page.context().close();
    };
    return stand;
}
