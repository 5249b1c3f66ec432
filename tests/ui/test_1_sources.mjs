/* What the console's files must be, without a browser: whole in both languages, light, and free of what CSP forbids.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildPages, PAGES, ROOT } from './pages.mjs';

const HOME = join(ROOT, 'admin-ui');
const read = (...path) => readFileSync(join(...path), 'utf8');
const words = { en: JSON.parse(read(HOME, 'words/en.json')), zh: JSON.parse(read(HOME, 'words/zh.json')) };
const ours = ['', 'pages'].flatMap((folder) => readdirSync(join(HOME,
    folder)).filter((name) => name.endsWith('.js')).map((name) => join(HOME, folder, name)));
const code = ours.map((path) => readFileSync(path, 'utf8')).join('\n').replace(/\/\*[\s\S]*?\*\//g, '');

/* The rows of an X-list or a table of the house, by a pattern with one group. */
function rows(path, pattern) {
    const found = [...read(ROOT, path).matchAll(pattern)].map((match) => match[1]);
    assert.ok(found.length > 4, `${path} has the rows this test looks for`);
    return [...new Set(found)];
}

function assertWords(family, values) {
    assert.deepEqual(values.filter((value) => !(`${family}.${value}` in words.en)), [], `words of ${family}`);
}

test('both languages have the same words, none empty but on purpose', () => {
    assert.deepEqual(Object.keys(words.zh).sort(), Object.keys(words.en).sort());
    const empty = Object.keys(words.en).filter((key) => (!words.en[key].trim() || !words.zh[key].trim())
        && key !== 'tokens_from.none');
    assert.deepEqual(empty, []);
});

test('a word fills in the same values in both languages', () => {
    const values = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const key of Object.keys(words.en)) assert.deepEqual(values(words.zh[key]), values(words.en[key]), key);
});

test('every word the code names is there', () => {
    const named = [...code.matchAll(/\b(?:t|hasWords)\('([\w.-]+)'/g),
        ...code.matchAll(/title = '([\w.]+)'/g)].map((match) => match[1]);
    assert.ok(named.length > 200);
    assert.deepEqual([...new Set(named)].filter((key) => !(key in words.en)), []);
    const counted = [...code.matchAll(/\btCount\('([\w.]+)'/g)].map((match) => match[1]);
    assert.deepEqual(counted.filter((key) => !(`${key}.one` in words.en && `${key}.other` in words.en)), []);
});

test('every word that is there is used', () => {
    const families = ['action', 'credential', 'decision', 'deed', 'direction', 'effect', 'family', 'fault', 'pack',
        'policy_part', 'version_state', 'group', 'key_state', 'member', 'key_hint', 'grace', 'rule', 'jwks', 'csv', 'opaque',
        'operation', 'page', 'problem', 'range', 'reason', 'role', 'scope', 'store', 'talk',
        'theme', 'tokens_from', 'type', 'unit', 'upstream_state', 'why', 'window', 'limit', 'requests'];
    /* Written with a value in them: t(`redaction.show_${filter}`). */
    const made = [...code.matchAll(/`([\w.]+)\$\{[^}]+\}(\w*)`/g)].map(([, head, tail]) => ({ head, tail }));
    const unused = Object.keys(words.en).filter((key) => !families.includes(key.split('.')[0])
        && !made.some(({ head, tail }) => head.includes('.') && head.length > head.indexOf('.') + 1 && key.startsWith(head)
            && key.endsWith(tail))
        && !code.includes(`'${key}'`) && !code.includes(`'${key.replace(/\.(one|other)$/, '')}'`));
    assert.deepEqual(unused, []);
});

test('what the server may answer has words: types, reasons, problems, faults, roles, operations', () => {
    assertWords('type', rows('src/redact/detectors.c', /^ROW\((\w+),/gm));
    assertWords('reason', rows('src/flow/refuse.h', /^X\(\w+, +\d+, +\d+, "\w+", +"(\w+)"/gm));
    assertWords('problem', rows('src/admin/admin_int.h', /X\(\w+, +"([\w-]+)", +\d{3}/g));
    assertWords('rule', rows('src/auth/jws.h', /^ +X\(\w+, +"([\w-]+)"/gm));
    assertWords('role', rows('src/admin/api.h', /X\(\w+, +\d+u, +"(\w+)"/g).filter(Boolean));
    assertWords('operation', rows('src/admin/api.c', /\{"(?:POST|PATCH)", +"[^"]+", +"([\w.-]+)"/g));
    assertWords('why', read(ROOT, 'src/admin/schemas.c').match(/WHYS\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('version_state', read(ROOT, 'src/admin/schemas.c').match(/VERSION_STATES\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('family', read(ROOT, 'src/admin/schemas.c').match(/FAMILIES\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('action', read(ROOT, 'src/admin/schemas.c').match(/ACTIONS\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
});

test('a browser loads less than 100 kB, compressed, in one language', () => {
    const folder = buildPages();
    let total = 0;
    for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const path = join(name.parentPath, name.name);
        if (!name.isFile() || /LICENSE/.test(name.name)) continue;
        if (name.name === 'en.json') continue; /* the lighter of the two */
        total += gzipSync(readFileSync(path), { level: 6 }).length;
    }
    assert.ok(total < 100_000, `${total} bytes`);
});

test('nothing is fetched, evaluated or made from markup but where it belongs', () => {
    for (const path of ours) {
        const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
        const name = relative(HOME, path);
        assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|style=/, name);
        if (name !== 'api.js') assert.doesNotMatch(text, /\bfetch\(|XMLHttpRequest|sendBeacon|EventSource/, name);
        assert.match(text === readFileSync(path, 'utf8') ? '' : readFileSync(path, 'utf8').split('\n', 2).join('\n'),
            /^\/\*.+\n \* SPDX-License-Identifier: Apache-2\.0/, `${name} begins with what it is`);
    }
    const page = read(HOME, 'index.html');
    assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?:|data:/);
    assert.doesNotMatch(read(HOME, 'style.css'), /https?:|data:|url\(/);
});

test('each page is a module of its own, in the table of app.js', () => {
    const table = [...read(HOME, 'app.js').matchAll(/path: '(\w+)'.*import\('\.\/pages\/(\w+)\.js'\)/g)];
    assert.deepEqual(table.map((row) => row[1]), PAGES);
    for (const [, path, module] of table) {
        assert.equal(module, path);
        assert.match(read(HOME, 'pages', `${module}.js`), /export const title = '[\w.]+';/);
    }
});

test('versions from npm are pinned, and the lock file names no registry', () => {
    for (const version of Object.values(JSON.parse(read(HOME, 'package.json')).dependencies)) assert.match(version,
        /^\d+\.\d+\.\d+$/);
    assert.doesNotMatch(read(HOME, 'package-lock.json'), /"resolved"/);
});
