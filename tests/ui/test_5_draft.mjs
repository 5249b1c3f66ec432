/* A policy in the making, without a browser: the document and back, words out of texts and files, two people's changes.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText, documentOf, draftOf, fromPacks, readWords, rebase, textOf, withText } from '../../admin-ui/pages/redaction_draft.js';
import { catalogueOf } from './policy.mjs';

const catalogue = catalogueOf('loosening');
const EMPTY = { packs: null, locked: false, types: [], lists: [], patterns: [], allowed: [] };
const policy = (members) => ({ ...EMPTY, ...members });
const list = (name, words, more = {}) => ({ name, words, exact: false, whole_word: false, action: null, ...more });
const pattern = (name, regex, more = {}) => ({ name, regex, caseless: false, action: null, ...more });
const row = (type, action, direction = 'both') => ({ type, action, direction });
const again = (document) => documentOf(draftOf(document, catalogue), catalogue);

test('a document comes back as it went in', () => {
    const document = policy({ packs: ['cn'], locked: true, types: [row('KEYWORD', 'log'), row('EMAIL_ADDRESS', 'mask', 'request'),
        row('EMAIL_ADDRESS', 'log', 'answer'), row('CN_RESIDENT_ID', 'block', 'answer')],
    lists: [list('a', ['x', '中文'], { exact: true, whole_word: true, action: 'block' })],
    patterns: [pattern('p', '\\d{7}', { caseless: true })], allowed: ['@example.com'] });
    assert.deepEqual(again(document), document);
    assert.deepEqual(again({}), EMPTY);
});

test('what is said of one type stands before its family and before all, wherever it is written', () => {
    const { said } = draftOf(policy({ types: [row('SECRET_JWT', 'log'), row('SECRET_*', 'block', 'request'), row('*', 'mask')] }),
        catalogue);
    assert.deepEqual(said.SECRET_JWT, { request: 'log', answer: 'log' });
    assert.deepEqual(said.SECRET_NPM_TOKEN, { request: 'block', answer: 'mask' });
    assert.deepEqual(said.KEYWORD, { request: 'mask', answer: 'mask' });
    assert.equal(Object.keys(said).length, catalogue.types.length);
});

test('a type that this server does not know is kept as it is', () => {
    const document = policy({ types: [row('NEW_TYPE', 'block')] });
    assert.deepEqual(again(document), document);
});

test('words are trimmed, blank lines left out, doubles counted as the list compares them', () => {
    assert.deepEqual(readWords(' Acme \r\n\n蓝鲸\nacme\rAcme\n', true), { words: ['Acme', '蓝鲸', 'acme'], duplicates: 1 });
    assert.deepEqual(readWords('Acme\nacme\nACME', false), { words: ['Acme'], duplicates: 2 });
    assert.deepEqual(readWords('\n \n'), { words: [], duplicates: 0 });
});

test('a hundred thousand words are taken in a blink and shown in no field', () => {
    const text = Array.from({ length: 100000 }, (_, i) => `word ${i}`).join('\n');
    const began = performance.now();
    const big = withText(list('big', []), text);
    assert.ok(performance.now() - began < 1000);
    assert.equal(big.words.length, 100000);
    assert.equal(big.text, null);
    assert.equal(textOf(big), text);
    assert.equal(withText(big, 'a\nb').text, 'a\nb');
});

test('a text file is read in the coding it has', () => {
    const bytes = (...list) => new Uint8Array(list).buffer;
    assert.deepEqual(decodeText(new TextEncoder().encode('蓝鲸\n').buffer), { text: '蓝鲸\n', encoding: 'UTF-8' });
    assert.deepEqual(decodeText(bytes(0xef, 0xbb, 0xbf, 0x61)), { text: 'a', encoding: 'UTF-8' });
    assert.deepEqual(decodeText(bytes(0xff, 0xfe, 0x61, 0)), { text: 'a', encoding: 'UTF-16' });
    assert.deepEqual(decodeText(bytes(0xfe, 0xff, 0, 0x61)), { text: 'a', encoding: 'UTF-16' });
    assert.deepEqual(decodeText(bytes(0xd6, 0xd0, 0xce, 0xc4)), { text: '中文', encoding: 'GB18030' });
    assert.deepEqual(decodeText(bytes()), { text: '', encoding: 'UTF-8' });
});

test('of several packs the strictest counts, and a type in none is not looked at', () => {
    const packs = { ...catalogue, packs: [{ name: 'a', types: [row('KEYWORD', 'log'), row('IBAN_CODE', 'block')] },
        { name: 'b', types: [row('KEYWORD', 'mask'), row('IBAN_CODE', 'log')] }] };
    const of = (chosen, ...types) => types.map((type) => fromPacks(chosen, packs)[type]);
    assert.deepEqual(of(null, 'KEYWORD', 'IBAN_CODE', 'CREDIT_CARD'), ['mask', 'block', 'allow']);
    assert.deepEqual(of(['a'], 'KEYWORD', 'IBAN_CODE', 'CUSTOM'), ['log', 'block', 'mask'], 'the house\'s own are always looked at');
    assert.deepEqual(of(['a'], 'PERSON', 'ORGANIZATION'), ['mask', 'mask'], 'as are those of its detector');
    assert.deepEqual(of([], 'KEYWORD', 'IBAN_CODE', 'CREDIT_CARD'), ['mask', 'mask', 'mask'], 'no pack, every type');
});

const base = policy({ types: [row('EMAIL_ADDRESS', 'mask')], lists: [list('a', ['1', '2', '3']), list('b', ['x'])],
    patterns: [pattern('p', 'a+')], allowed: ['@a.org', '@b.org'] });

test('changes of two people at different places are both kept', () => {
    const mine = { ...base, types: [row('EMAIL_ADDRESS', 'mask', 'request'), row('EMAIL_ADDRESS', 'block', 'answer')],
        lists: [list('a', ['2', '3', '4']), list('b', ['x'])], allowed: ['@a.org', '@b.org', '@c.org'] };
    const theirs = { ...base, locked: true, types: [row('EMAIL_ADDRESS', 'log', 'request'), row('EMAIL_ADDRESS', 'mask', 'answer')],
        lists: [list('a', ['1', '2', '3', '5'], { action: 'block' })], patterns: [pattern('p', 'a+'), pattern('q', 'b')],
        allowed: ['@b.org'] };
    const { document, clashes } = rebase(base, mine, theirs, catalogue);
    assert.deepEqual(document, { packs: null, locked: true,
        types: [row('EMAIL_ADDRESS', 'log', 'request'), row('EMAIL_ADDRESS', 'block', 'answer')],
        lists: [list('a', ['2', '3', '5', '4'], { action: 'block' })],
        patterns: [pattern('p', 'a+'), pattern('q', 'b')], allowed: ['@b.org', '@c.org'] });
    assert.deepEqual(clashes, []);
});

test('where both changed the same thing mine is taken and its name told', () => {
    const mine = { ...base, packs: ['cn'], types: [row('EMAIL_ADDRESS', 'block')], lists: [list('a', ['1', '2', '3'])],
        patterns: [pattern('p', 'mine')] };
    const theirs = { ...base, packs: ['eu'], types: [row('EMAIL_ADDRESS', 'log')], lists: [list('a', ['1']),
        list('b', ['x', 'y'])], patterns: [pattern('p', 'theirs')] };
    const { document, clashes } = rebase(base, mine, theirs, catalogue);
    assert.deepEqual(clashes.sort(), ['EMAIL_ADDRESS', 'b', 'p', 'packs']);
    assert.deepEqual(document.packs, ['cn']);
    assert.deepEqual(document.types, [row('EMAIL_ADDRESS', 'block')]);
    assert.deepEqual(document.patterns, [pattern('p', 'mine')]);
    assert.deepEqual(document.lists.map((one) => one.name), ['a', 'b'], 'what one removed and the other changed stays');
});

test('the same change made by both is no clash', () => {
    const both = { ...base, types: [row('EMAIL_ADDRESS', 'block')], patterns: [] };
    assert.deepEqual(rebase(base, both, both, catalogue), { document: both, clashes: [] });
});
