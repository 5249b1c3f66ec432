/* What the console's files must be, without a browser: whole in both languages, light, and free of what CSP forbids.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { allWords, buildPages, PAGES, ROOT, wordParts } from './pages.mjs';

const HOME = join(ROOT, 'admin-ui');
const read = (...path) => readFileSync(join(...path), 'utf8');
const words = { en: allWords('en'), zh: allWords('zh') };
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
    assert.deepEqual(values.filter((value) => !(`${family}.${value}` in words.en) && !(`${family}.${value}.other` in words.en)), [], `words of ${family}`);
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
        'policy_part', 'version_state', 'group', 'key_state', 'credential_state', 'member', 'key_hint', 'grace', 'rule', 'jwks', 'csv', 'opaque',
        'operation', 'limit_fault', 'limit_csv', 'grammar', 'subject_hint', 'set_by', 'try_field', 'verdict', 'alert_kind',
        'alert_pattern', 'delivery', 'way', 'acknowledged', 'page', 'problem', 'range', 'reason', 'role', 'scope', 'store', 'talk',
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
    assertWords('operation', rows('src/admin/api.c', /\{"(?:POST|PATCH|PUT|DELETE)", +"[^"]+", +"([\w.-]+)"/g));
    assertWords('alert_kind', rows('src/alert/alert.h', /X\(\w+, +"(\w+)", +"[^"]+"\)/g).slice(0, 5));
    assertWords('alert_pattern', rows('src/alert/alert.h', /X\(\w+, +"(\w+)", +"[^"]+"\)/g).slice(5));
    assertWords('scope', rows('src/policy/limit.h', /X\(\w+, +"(\w+)", +"[^"]+"\)/g));
    assertWords('limit', rows('src/policy/limit.h', /X\(\w+, +"\w*", +"(\w+)", +"[^"]+"\)/g).filter((name) => name !== 'micros'));
    assertWords('why', read(ROOT, 'src/admin/schemas.c').match(/WHYS\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('version_state', read(ROOT, 'src/admin/schemas.c').match(/VERSION_STATES\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('family', read(ROOT, 'src/admin/schemas.c').match(/FAMILIES\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
    assertWords('action', read(ROOT, 'src/admin/schemas.c').match(/ACTIONS\[\] = \{([^}]+)\}/)[1].match(/\w+(?=")/g));
});

/* A module and all it is made of; a page's own words are loaded with it. */
function closure(folder, name, found = new Set()) {
    if (found.has(name)) return found;
    found.add(name);
    for (const [, path] of read(folder, name).matchAll(/\b(?:from|import)\s*["'](\.[^"']+)["']/g)) {
        closure(folder, join(dirname(name), path), found);
    }
    return found;
}

test('the first page is less than 50 kB, compressed, and a further one adds less than 30', (context) => {
    const folder = buildPages();
    const weigh = (names) => [...names].reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)),
        { level: 6 }).length, 0);
    for (const code of ['en', 'zh']) {
        const frame = closure(folder, 'app.js');
        for (const name of ['index.html', 'style.css', 'theme.js', 'icon.svg', `words/${code}.json`]) frame.add(name);
        const added = PAGES.map((page) => {
            const names = closure(folder, `pages/${page}.js`);
            names.add(`words/${code}/${page}.json`);
            return { page, bytes: weigh([...names].filter((name) => !frame.has(name))) };
        });
        const first = weigh(frame) + added[0].bytes;
        context.diagnostic(`${code}: first page ${first} bytes; ${added.map((one) => `${one.page} ${one.bytes}`).join(', ')}`);
        assert.ok(first < 50_000, `${code}: ${first} bytes`);
        assert.deepEqual(added.filter((one) => one.bytes >= 30_000), []);
    }
});

test('a page\'s words are those of all pages and its own', () => {
    const folder = buildPages();
    for (const code of ['en', 'zh']) {
        const { '': shared, ...own } = wordParts(code);
        assert.deepEqual(Object.keys(own).sort(), [...PAGES].sort());
        const twice = [shared, ...Object.values(own)].flatMap(Object.keys).sort().filter((key, i, all) => key === all[i - 1]);
        assert.deepEqual(twice, [], 'a word stands once');
        for (const page of PAGES) {
            const text = [...closure(folder, `pages/${page}.js`)].map((name) => read(folder, name)).join('\n');
            const foreign = Object.keys(words[code]).filter((key) => text.includes(`'${key.replace(/\.(one|other)$/, '')}'`)
                && !(key in shared) && !(key in own[page]));
            assert.deepEqual(foreign, [], `${page} says words of another page`);
        }
    }
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
