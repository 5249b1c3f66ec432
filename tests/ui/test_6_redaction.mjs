/* The redaction policy's page: reading, the draft, the try-out, publishing, a second person, and the way back.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marked, settled } from './browser.mjs';
import { PROBE } from './house.mjs';
import { currentOf, propose } from './policy.mjs';
import { useStand } from './stand.mjs';

const stand = useStand();

const calls = (method, path) => stand.mock.calls.filter((one) => one.method === method && one.path === path);
const lastCheck = () => calls('POST', 'policy-checks').at(-1).body.document;

const toPart = (page, part) => page.getByRole('group', { name: 'Parts of the policy' }).getByRole('button', { name: part }).click();

/* A draft of the policy in force, at one of its parts. */
async function draft(page, part) {
    await settled(page);
    await page.locator('.in-force .primary, .blank .primary').first().click();
    await page.locator('.workbench').waitFor();
    if (part) await toPart(page, part);
}

const row = (page, name) => page.locator('.types tbody tr', { has: page.locator(`code:text-is("${name}")`) });
const action = (page, name, direction) => row(page, name).locator('select').nth(direction === 'answer' ? 1 : 0);
const checkPanel = (page) => page.getByRole('region', { name: 'Check' });

async function publish(page, note, button = 'Publish now') {
    await checkPanel(page).getByRole('button', { name: 'Publish …' }).click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByRole('button', { name: button }).isDisabled(), true, 'a note is needed');
    await dialog.getByLabel('Note').fill(note);
    await dialog.getByRole('button', { name: button }).click();
    await dialog.waitFor({ state: 'detached' });
}

/* ---- reading ---- */

test('the policy in force is told: version, author, who approved it, when, and what it says', async () => {
    await stand.at('redaction', async (page) => {
        await settled(page);
        const text = await page.locator('main').textContent();
        for (const words of ['Version 2', '客户名单上线', 'olu', 'e-mail address', 'partly masked', 'clients', '3 words', 'CTR-\\d{6}',
            '@example.com', 'Not locked']) assert.ok(text.includes(words), words);
        await page.getByText('Show words').click();
        await page.getByText('蓝鲸计划').waitFor();
    });
});

test('where none is published yet the page says so and begins from the defaults', async () => {
    stand.mock.scenario = 'empty';
    await stand.at('redaction', async (page) => {
        await page.getByText('No policy is published yet').waitFor();
        await draft(page);
        await page.getByText('Made from the defaults.').waitFor();
        await action(page, 'CREDIT_CARD').selectOption('block');
        await publish(page, 'The first');
        await page.getByText('Version 1 is in force.').waitFor();
        const made = calls('POST', 'policy-versions')[0];
        assert.equal(made.body.base_version, 0);
        assert.deepEqual(made.body.document.types, [{ type: 'CREDIT_CARD', action: 'block', direction: 'request' }]);
        assert.match(made.headers['idempotency-key'], /^[0-9a-f]{32}$/);
    });
});

test('a viewer reads everything and is told why there is no button', async () => {
    stand.mock.roles = ['viewer'];
    await stand.at('redaction', async (page) => {
        await settled(page);
        await page.getByText('Changing it is for the roles compliance, operator or administrator.').waitFor();
        assert.equal(await page.getByRole('button', { name: 'Edit' }).count(), 0);
        await page.getByRole('link', { name: 'Draft' }).click();
        await page.getByText('No draft').waitFor();
        assert.equal(await page.locator('main .primary').count(), 0);
        await page.getByRole('link', { name: 'Versions' }).click();
        await page.locator('tbody a').last().click();
        await page.getByText('What it changed').waitFor();
        assert.equal(await page.locator('.panel footer').count(), 0);
    });
});

test('an operator edits without being allowed to try texts, and is told who may', async () => {
    stand.mock.roles = ['operator'];
    await stand.at('redaction', async (page) => {
        await draft(page);
        await page.getByText('Trying a text is for the roles compliance, approver or administrator.').waitFor();
        await action(page, 'CREDIT_CARD').selectOption('block');
        await checkPanel(page).getByText('1 change against').waitFor();
        assert.equal(calls('POST', 'scan').length, 0);
    });
});

/* ---- the draft ---- */

test('types: found by word or country, set one by one, by family and by choice, and set back', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page);
        await page.getByLabel('Type, country or kind').fill('korea');
        assert.equal(await page.locator('.types code').count(), 2);
        await row(page, 'KR_RRN').getByRole('checkbox').check();
        await page.getByLabel('Type, country or kind').fill('aadhaar');
        await row(page, 'IN_AADHAAR').getByRole('checkbox').check();
        await page.getByText('2 chosen').waitFor();
        await page.locator('.picked select').first().selectOption('block');
        await page.getByLabel('Type, country or kind').fill('');
        await page.getByLabel('Your own lists and patterns, in the answer: set all').selectOption('log');
        await page.getByRole('button', { name: 'Back to what the packs say: telephone number' }).click();
        await page.waitForTimeout(700);
        assert.deepEqual(lastCheck().types.filter((one) => !one.type.startsWith('SECRET_')), [
            { type: 'KEYWORD', action: 'log', direction: 'answer' }, { type: 'CUSTOM', action: 'log', direction: 'answer' },
            { type: 'EMAIL_ADDRESS', action: 'pseudonym', direction: 'both' },
            { type: 'KR_RRN', action: 'block', direction: 'request' }, { type: 'IN_AADHAAR', action: 'block', direction: 'request' }]);
        await page.getByRole('button', { name: 'Changed' }).click();
        assert.deepEqual(await page.locator('.types code').allTextContents(), ['KEYWORD', 'CUSTOM', 'PHONE_NUMBER', 'KR_RRN',
            'IN_AADHAAR']);
        assert.equal(await page.locator('.types tr.changed').count(), 5);
    });
});

test('packs: as the configuration chooses, or chosen here; what they bring is told, and shown where nothing is set', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page, 'Packs');
        assert.equal(await page.locator('.packs input[type=checkbox]:checked').count(), 5);
        await page.locator('.cards li', { hasText: 'Secrets' }).getByText('types').click();
        await page.locator('.pack-types li', { hasText: 'npm token' }).first().waitFor();
        await page.locator('.cards li', { hasText: 'Europe' }).getByRole('checkbox').uncheck();
        await page.waitForTimeout(600);
        assert.deepEqual(lastCheck().packs, ['global', 'secrets', 'cn', 'us']);
        await page.getByLabel('As the server').check();
        await page.waitForTimeout(600);
        assert.equal(lastCheck().packs, null);
        await page.getByLabel('These packs').check();
        await page.locator('.cards li', { hasText: 'United States' }).getByRole('checkbox').uncheck();
        await toPart(page, 'Types');
        assert.equal(await action(page, 'US_SSN').evaluate((node) => node.options[node.selectedIndex].text), 'allowed (packs)');
    });
});

test('a list of a hundred thousand words is pasted, searched, added to and sent, and the page stays quick', async () => {
    const words = Array.from({ length: 100000 }, (_, i) => `Mandant Nr. ${i}`);
    await stand.at('redaction', async (page) => {
        await draft(page, 'Word lists');
        await page.getByRole('button', { name: 'Add a list' }).click();
        const card = page.locator('.own').last();
        const took = await card.locator('textarea').evaluate(async (field, text) => {
            const data = new DataTransfer();
            data.setData('text', text);
            const began = performance.now();
            field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
            await new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); });
            return performance.now() - began;
        }, [...words, words[5], words[6].toUpperCase()].join('\n'));
        assert.ok(took < 2500, `${Math.round(took)} ms`);
        await card.getByText('2 duplicates left out').waitFor();
        assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 1500, 'only a few words are in the page');
        await card.getByLabel('Search the words').fill('nr. 9999');
        await card.locator('.toolbar').getByText('11 words').waitFor();
        await card.getByRole('button', { name: 'Remove Mandant Nr. 99999' }).click();
        await card.getByLabel('Another word').fill('蓝鲸 1');
        await card.getByLabel('Another word').press('Enter');
        await card.locator('.words-foot').getByText('100,000 words').waitFor();
        await page.waitForTimeout(2500);
        const sent = lastCheck().lists[1].words;
        assert.equal(sent.length, 100000);
        assert.equal(sent.at(-1), '蓝鲸 1');
        assert.ok(!sent.includes('Mandant Nr. 99999'));
        const checks = calls('POST', 'policy-checks').length;
        await card.getByLabel('Name of the list').pressSequentially(' of 2026', { delay: 40 });
        await page.waitForTimeout(2500);
        assert.ok(calls('POST', 'policy-checks').length - checks <= 2, 'a large draft is not sent at each letter');
        await card.getByRole('button', { name: 'Empty the list' }).click();
        await card.getByRole('button', { name: 'Really?' }).click();
        await card.locator('textarea').waitFor();
    });
});

test('words come from a text file, in UTF-8 or as Windows writes it, and go to one', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page, 'Word lists');
        const file = page.getByLabel('Add from file …').first();
        await file.setInputFiles({ name: 'klienten.txt', mimeType: 'text/plain', buffer: Buffer.from('\ufeffBeta AG\r\nacme holdings\r\n') });
        await page.getByText('klienten.txt read as UTF-8').waitFor();
        await page.getByText('1 duplicate left out').waitFor();
        await file.setInputFiles({ name: 'gb.txt', mimeType: 'text/plain', buffer: Buffer.from([0xd6, 0xd0, 0xce, 0xc4, 10]) });
        await page.getByText('gb.txt read as GB18030').waitFor();
        assert.equal(await page.locator('.own textarea').inputValue(), 'Acme Holdings\n蓝鲸计划\nProject Falcon\nBeta AG\r\nacme holdings\r\n\n中文\n'
            .replaceAll('\r', ''));
        await page.getByLabel('Exact').check();
        await page.waitForTimeout(600);
        assert.deepEqual(lastCheck().lists[0].words, ['Acme Holdings', '蓝鲸计划', 'Project Falcon', 'Beta AG', 'acme holdings', '中文']);
        const [saved] = await Promise.all([page.waitForEvent('download'),
            page.getByRole('button', { name: 'Save as a text file' }).click()]);
        assert.equal(saved.suggestedFilename(), 'clients.txt');
    });
});

test('a fault stands at its row and beside the way to it, and nothing can be published until it is gone', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page, 'Patterns');
        await page.getByRole('button', { name: 'Add a pattern' }).click();
        await page.getByLabel('Regular expression').last().fill('(a');
        const card = page.locator('.own').last();
        await card.getByText('Missing close parenthesis').waitFor();
        assert.equal(await page.locator('.own').first().locator('.fault').count(), 0);
        assert.equal(await page.getByLabel('Regular expression').last().getAttribute('aria-invalid'), 'true');
        assert.equal(await checkPanel(page).getByRole('button', { name: 'Publish …' }).isDisabled(), true);
        await checkPanel(page).getByText('Set the faults right first.').waitFor();
        await toPart(page, 'Word lists');
        await page.locator('.own textarea').fill(`${'x'.repeat(300)}\nfine`);
        await page.locator('.own .fault code', { hasText: 'xxx' }).waitFor();
        await checkPanel(page).getByRole('link', { name: 'Patterns: pattern-2' }).click();
        await page.getByLabel('Regular expression').last().fill('(a)');
        await card.getByText('Missing close parenthesis').waitFor({ state: 'detached' });
        await checkPanel(page).getByText('1 fault', { exact: true }).waitFor();
    });
});

test('the draft outlives a walk through the console, is asked for before the tab goes, and is written nowhere', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page, 'Word lists');
        await page.locator('.own textarea').fill('Sealed Bid');
        await page.getByRole('link', { name: 'Keys', exact: true }).click();
        await page.locator('h1:text-is("Keys")').waitFor();
        await page.getByRole('link', { name: 'Redaction policy' }).click();
        await page.locator('.tabs .dot').waitFor();
        await page.locator('.tabs a', { hasText: 'Draft' }).click();
        await toPart(page, 'Word lists');
        assert.equal(await page.locator('.own textarea').inputValue(), 'Sealed Bid');
        const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
        assert.doesNotMatch(stored, /Sealed/);
        let asked = '';
        page.once('dialog', (dialog) => { asked = dialog.type(); dialog.dismiss(); });
        await page.evaluate(() => { location.reload(); });
        await page.waitForTimeout(300);
        assert.equal(asked, 'beforeunload');
        assert.equal(await page.locator('.own textarea').inputValue(), 'Sealed Bid');
        await page.getByRole('link', { name: 'In force' }).click();
        await page.getByRole('button', { name: 'Go on with the draft' }).waitFor();
        await page.getByRole('link', { name: 'Versions' }).click();
        await page.locator('tbody a').last().click();
        await page.getByRole('button', { name: 'Take into a draft' }).click();
        await page.getByText('There is a draft with changes.').waitFor();
        await page.getByRole('button', { name: 'Discard' }).click();
        await page.getByRole('button', { name: 'Really?' }).click();
        await page.getByText('No draft').waitFor();
        await page.reload();
        await settled(page);
    });
});

/* ---- trying it out ---- */

test('a text is marked as the draft would treat it: type, action, rule and why, and what would be sent', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page);
        await page.getByLabel('Text to try').fill('😀 x.y@example.org pays 4111 1111 1111 1111, 蓝鲸计划, CTR-123456');
        await page.locator('.found').waitFor();
        assert.deepEqual(await marked(page), ['x.y@example.org', '4111 1111 1111 1111', '蓝鲸计划', 'CTR-123456']);
        const found = await page.locator('.found li').allTextContents();
        assert.match(found[0], /e-mail address.*pseudonym/s);
        assert.match(found[1], /payment card.*masked.*Luhn.*card.*built in/s);
        assert.match(found[2], /word of a list.*Stands on a list.*clients/s);
        assert.match(found[3], /pattern "contract".*administrator's pattern/s);
        assert.match(await page.locator('.scanned mark').first().textContent(), /\(e-mail address, pseudonym\)/, 'told in words too');
        const lines = await page.locator('.scanned mark').evaluateAll((nodes) => nodes.map((node) => getComputedStyle(node)
            .borderBottomStyle));
        assert.deepEqual(lines.slice(0, 2), ['dashed', 'solid'], 'and by the line');
        await page.getByText('[[EMAIL_k7q2x]] pays [CREDIT_CARD], [KEYWORD]').waitFor();
        await action(page, 'CREDIT_CARD').selectOption('block');
        await page.getByText('would be refused as a whole: payment card').waitFor();
        assert.deepEqual(calls('POST', 'scan').at(-1).body.document.types.find((one) => one.type === 'CREDIT_CARD'),
            { type: 'CREDIT_CARD', action: 'block', direction: 'request' });
        await page.getByRole('button', { name: 'Fill in an example' }).click();
        await page.getByText('Anna Berg').first().waitFor();
    });
});

test('letters typed quickly are one question, and a late answer to an older one is not shown', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page);
        await page.getByLabel('Text to try').pressSequentially('a@b.org and more', { delay: 25 });
        await page.locator('.found').waitFor();
        assert.equal(calls('POST', 'scan').length, 1);
        stand.mock.delay = 1500;
        await page.getByLabel('Text to try').fill('old@example.org');
        await page.waitForTimeout(500);
        stand.mock.delay = 0;
        await page.getByLabel('Text to try').fill('new@example.org');
        await page.waitForFunction(() => document.querySelector('.scanned mark')?.textContent.startsWith('new@'));
        await page.waitForTimeout(1500);
        assert.deepEqual(await marked(page), ['new@example.org']);
        assert.equal(await page.locator('.tried.old').count(), 0);
    });
});

/* ---- publishing, with and without a second person ---- */

test('what makes the policy stricter is published at once, with its note', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page);
        await checkPanel(page).getByText('Nothing differs from the version in force.').waitFor();
        await action(page, 'CREDIT_CARD').selectOption('block');
        await checkPanel(page).locator('.policy-changes li.stricter', { hasText: 'payment card' }).waitFor();
        assert.equal(await checkPanel(page).getByText('Needs a second person.').count(), 0);
        await publish(page, PROBE);
        await page.getByText('Version 3 is in force.').waitFor();
        await page.locator('h2', { hasText: 'Version 3' }).waitFor();
        await page.getByText(PROBE).first().waitFor();
        assert.equal(await page.locator('main img').count(), 0);
        const { body } = calls('POST', 'policy-versions')[0];
        assert.equal(body.base_version, 2);
        assert.equal(await page.locator('.tabs .dot').count(), 0, 'the draft is gone');
    });
});

test('what loosens it waits: not for its author, but for another, who is told in the menu and on the page', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page, 'Allowed values');
        await page.locator('.own textarea').fill('@example.com\n@partner.example');
        await checkPanel(page).getByText('Needs a second person.').waitFor();
        await publish(page, 'Partner writes to us', 'Send for approval');
        await page.locator('.panel .state', { hasText: 'waits for approval' }).waitFor();
        await page.getByText('You made this version: somebody else has to approve it.').waitFor();
        assert.equal(await page.locator('.panel').getByRole('button', { name: 'Approve and publish' }).count(), 0);
        assert.equal(currentOf(stand.mock.policy).version, 2, 'nothing changed');
    });
    Object.assign(stand.mock, { user: 'olu', roles: ['approver'] });
    await stand.at('overview', async (page) => {
        await page.getByTitle('1 policy waits for approval').waitFor();
        await page.getByRole('link', { name: 'Redaction policy' }).click();
        await page.getByText('Version 3 by admin waits for you or another approver.').waitFor();
        await page.getByRole('link', { name: 'Look at it' }).click();
        await page.locator('.policy-changes li.looser', { hasText: '@partner.example' }).waitFor();
        await page.getByRole('button', { name: 'Approve and publish' }).click();
        await page.getByRole('dialog').getByLabel('Note').fill('seen');
        await page.getByRole('dialog').getByRole('button', { name: 'Approve and publish' }).click();
        await page.getByText('Version 3 is in force.').waitFor();
        assert.deepEqual(calls('POST', 'policy-versions/3/approve')[0].body, { note: 'seen' });
        await page.locator('.panel .facts', { hasText: 'olu' }).waitFor();
        assert.equal(currentOf(stand.mock.policy).approved_by, 'olu');
    });
});

test('who is no approver sees why there is no button; an approver may reject, an author withdraw', async () => {
    const { policy } = stand.mock;
    const looser = { ...currentOf(policy).document, allowed: [] , lists: [] };
    propose(policy, 'mary', { document: looser, note: 'drop the list', base_version: 2 });
    Object.assign(stand.mock, { user: 'paul', roles: ['compliance'] });
    await stand.at('redaction/3', async (page) => {
        await page.getByText('Approving is for the roles approver or administrator.').waitFor();
        assert.deepEqual(await page.locator('.panel footer button').allTextContents(), ['Take into a draft']);
    });
    Object.assign(stand.mock, { user: 'olu', roles: ['approver'] });
    await stand.at('redaction/3', async (page) => {
        await page.locator('.panel').getByRole('button', { name: 'Reject' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
        await page.getByText('Version 3 was rejected. Nothing changed.').waitFor();
        await page.locator('.panel .state', { hasText: 'rejected' }).waitFor();
    });
    propose(policy, 'mary', { document: looser, note: 'again', base_version: 2 });
    Object.assign(stand.mock, { user: 'mary', roles: ['compliance'] });
    await stand.at('redaction/4', async (page) => {
        await page.locator('.panel').getByRole('button', { name: 'Withdraw' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
        await page.locator('.panel .state', { hasText: 'withdrawn' }).waitFor();
    });
});

test('a version that was overtaken while it waited can no longer be approved, and says so', async () => {
    const { policy } = stand.mock;
    const { document } = currentOf(policy);
    propose(policy, 'mary', { document: { ...document, lists: [] }, note: 'drop the list', base_version: 2 });
    propose(policy, 'paul', { document: { ...document, locked: true }, note: 'lock it', base_version: 2 });
    Object.assign(stand.mock, { user: 'olu', roles: ['approver'] });
    await stand.at('redaction/3', async (page) => {
        await page.getByText('Version 4 came into force meanwhile').waitFor();
        assert.deepEqual(await page.locator('.panel footer button').allTextContents(), ['Reject']);
    });
});

test('somebody published meanwhile: the difference is shown, and the draft\'s changes are made to theirs', async () => {
    const { policy } = stand.mock;
    await stand.at('redaction', async (page) => {
        await draft(page);
        await action(page, 'CREDIT_CARD').selectOption('block');
        await page.waitForTimeout(700);
        propose(policy, 'mary', { document: { ...currentOf(policy).document, locked: true }, note: 'lock it', base_version: 2 });
        await checkPanel(page).getByRole('button', { name: 'Publish …' }).click();
        await page.getByRole('dialog').getByLabel('Note').fill('cards');
        await page.getByRole('dialog').getByRole('button', { name: 'Publish now' }).click();
        await page.getByText('mary published version 3 meanwhile.').waitFor();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(calls('POST', 'policy-versions').length, 1);
        assert.equal(await checkPanel(page).getByRole('button', { name: 'Publish …' }).isDisabled(), true);
        await page.getByRole('button', { name: 'See what it changed' }).click();
        await page.locator('.notice .policy-changes li', { hasText: 'Lock' }).waitFor();
        await page.getByRole('button', { name: 'Make my changes to the new version' }).click();
        await page.getByText('Your changes now stand on version 3.').waitFor();
        await publish(page, 'cards');
        await page.getByText('Version 4 is in force.').waitFor();
        const { body } = calls('POST', 'policy-versions')[1];
        assert.equal(body.base_version, 3);
        assert.equal(body.document.locked, true);
        assert.equal(body.document.types.find((one) => one.type === 'CREDIT_CARD').action, 'block');
    });
});

test('an older version is taken back, with a note, as a new one', async () => {
    stand.mock.policy.approval = 'never';
    await stand.at('redaction/versions', async (page) => {
        await settled(page);
        await page.locator('tbody a').last().click();
        await page.getByRole('button', { name: 'Roll back to this' }).click();
        const dialog = page.getByRole('dialog');
        assert.equal(await dialog.getByRole('button', { name: 'Roll back to this' }).isDisabled(), true);
        await dialog.getByLabel('Note').fill('as before');
        await dialog.getByRole('button', { name: 'Roll back to this' }).click();
        await page.getByText('Version 3 is in force.').waitFor();
        assert.deepEqual(calls('POST', 'policy-versions/1/restore')[0].body, { note: 'as before' });
        assert.deepEqual(currentOf(stand.mock.policy).document.lists, []);
    });
});

/* ---- without a mouse, on a small screen, in Chinese ---- */

test('without a mouse: a type is found, set and published', async () => {
    await stand.at('redaction', async (page) => {
        await draft(page);
        await page.keyboard.press('/');
        await page.keyboard.type('payment card');
        await action(page, 'CREDIT_CARD').focus();
        await page.keyboard.press('End');
        assert.equal(await action(page, 'CREDIT_CARD').inputValue(), 'block');
        const button = checkPanel(page).getByRole('button', { name: 'Publish …' });
        await page.locator('.publish .primary:enabled').waitFor();
        await button.focus();
        await page.keyboard.press('Enter');
        await page.keyboard.type('by keyboard');
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.ok(await button.evaluate((node) => node === document.activeElement), 'the focus is back');
        await page.keyboard.press('Enter');
        await page.keyboard.type('by keyboard');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.getByText('Version 3 is in force.').waitFor();
    });
});

test('on a small screen the parts stand below one another and nothing hangs out', async () => {
    await stand.at('redaction', async (page) => {
        const isWithin = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
        await settled(page);
        assert.ok(await isWithin());
        await draft(page);
        for (const part of ['Types', 'Packs', 'Word lists', 'Patterns', 'Allowed values']) {
            await toPart(page, part);
            assert.ok(await isWithin(), part);
        }
        const [left, beside] = await page.locator('.workbench > div').evaluateAll((nodes) => nodes.map((node) => node
            .getBoundingClientRect().top));
        assert.ok(beside > left);
    }, { viewport: { width: 390, height: 844 } });
});

test('in Chinese too a text is tried and told in words', async () => {
    await stand.at('redaction', async (page) => {
        await settled(page);
        await page.locator('.in-force .primary').click();
        await page.getByRole('button', { name: '填入示例' }).click();
        await page.locator('.found').waitFor();
        const found = await page.locator('.found').textContent();
        for (const words of ['电话号码', '部分遮盖', '居民身份证号', '校验位通过']) assert.ok(found.includes(words), words);
        await page.getByText('*******8000').waitFor();
    }, { language: 'zh', theme: 'dark' });
});

/* ---- elsewhere in the console ---- */

test('a request tells region, label, what could not be read and by which version; pseudonyms are marked', async () => {
    await stand.at(`requests/${'x'}`, async (page) => {
        await page.getByText('It is not there.').waitFor();
    });
    await stand.at('requests?q=Summarise', async (page) => {
        await settled(page);
        const ids = await page.evaluate(async () => (await (await fetch('api/v1/requests?limit=500')).json()).items
            .filter((one) => one.label && one.prompt.includes('EMAIL_k7q2x') && one.decision === 'served').map((one) => one.id));
        await page.goto(`${stand.mock.url}#/requests/${ids[0]}`);
        const panel = page.locator('.panel');
        await panel.locator('.facts').first().waitFor();
        await panel.locator('mark[title="pseudonym"]', { hasText: '[[EMAIL_k7q2x]]' }).waitFor();
        const text = await panel.textContent();
        for (const words of ['image × 1', 'The answer says that a machine wrote it', 'Region']) assert.ok(text.includes(words), words);
        await panel.getByRole('link', { name: 'Version 2' }).waitFor();
    });
});

test('a key may demand more redaction than the policy', async () => {
    await stand.at('keys', async (page) => {
        await page.getByRole('button', { name: 'Create key' }).first().click();
        await page.getByRole('dialog').getByLabel('Name').fill('strict');
        await page.getByRole('dialog').getByLabel('Redaction of its own').fill('EMAIL_ADDRESS=block, SECRET_*=block');
        await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
        await page.locator('#new-key').waitFor();
        assert.deepEqual(calls('POST', 'keys')[0].body, { name: 'strict', redact: 'EMAIL_ADDRESS=block,SECRET_*=block' });
    });
});
