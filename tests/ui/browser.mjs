/* A real Chromium, and what no page of the console may ever do in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every tab is watched: a word on the console of the browser, an uncaught error, a violation of the content security
 * policy (said by the page and by the browser's own report), a request to any other place. watched.complaints lists
 * them; a test ends with noComplaints(watched).
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];

/* A browser with a new, empty profile; close() removes it. */
export async function startBrowser() {
    const profile = await mkdtemp(join(tmpdir(), 'chatgpt-ui-'));
    const options = {
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true,
            chromiumSandbox: process.getuid() !== 0,
        args: FLAGS, acceptDownloads: true, viewport: { width: 1440, height: 900 }, timezoneId: 'Asia/Shanghai',
            locale: 'en-GB',
    };
    const context = await chromium.launchPersistentContext(profile, options);
    const browser = context.browser();
    return {
        context,
        /* Other credentials, language, theme: a context of its own in the same browser. */
        newContext: (more = {}) => browser.newContext({ viewport: options.viewport, timezoneId: options.timezoneId,
            locale: options.locale, acceptDownloads: true, ...more }),
        async close() {
            await context.close();
            await rm(profile, { recursive: true, force: true });
        },
    };
}

/* A tab that keeps account. expected: patterns of what this test makes go wrong on purpose. */
export async function watch(context, expected = []) {
    context.setDefaultTimeout(10000);
    const page = await context.newPage();
    const complaints = [];
    const complain = (text) => { if (!expected.some((pattern) => pattern.test(text))) complaints.push(text); };
    page.on('console', (message) => {
        const kind = message.type();
        if (kind === 'error' || kind === 'warning') complain(`${kind}: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => complain(`uncaught: ${error.message}`));
    page.on('crash', () => complain('the tab crashed'));
    page.on('request', (request) => {
        if (!page.url().startsWith('http') || request.isNavigationRequest()) return;
        if (new URL(request.url()).origin !== new URL(page.url()).origin) complain(`asked elsewhere: ${request.url()}`);
    });
    await page.addInitScript(() => {
        addEventListener('securitypolicyviolation', (event) => {
            console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
        });
    });
    return { page, complaints };
}

export async function noComplaints({ page, complaints }) {
    assert.equal(await page.evaluate(() => window.broken), undefined, 'data ran as a script');
    assert.deepEqual(complaints, []);
}

/* What the operator chose, before the first page is loaded. */
export async function choose(page, choices) {
    await page.addInitScript((list) => {
        if (location.protocol === 'about:') return; /* an empty tab has no storage */
        for (const [name, value] of list) localStorage.setItem(`chatgpt.${name}`, value);
    }, Object.entries(choices));
}

/* The texts that "try a text" has marked. */
export function marked(page) {
    return page.locator('.scanned mark').evaluateAll((nodes) => nodes.map((node) => node.firstChild.data));
}

/* The page is there and has what it asked for. */
export async function settled(page) {
    await page.locator('main h1').waitFor();
    await page.waitForFunction(() => !document.querySelector('main .loading, main [aria-busy="true"]'));
}
