/* The console as build.sh lays it out, in a folder of the test's own; and the pages it has.
 * SPDX-License-Identifier: Apache-2.0
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const PAGES = ['overview', 'requests', 'upstreams', 'alerts', 'keys', 'signing_keys', 'issuers', 'people', 'limits', 'credentials',
    'policies', 'redaction', 'scan', 'changes'];

/* The words of a language by the page that says them; '': those of all pages. */
export function wordParts(code) {
    const folder = join(ROOT, 'admin-ui/words');
    const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const own = readdirSync(join(folder, code)).map((name) => [name.replace(/\.json$/, ''), read(`${code}/${name}`)]);
    return { '': read(`${code}.json`), ...Object.fromEntries(own) };
}

export const allWords = (code) => Object.assign({}, ...Object.values(wordParts(code)));

/* The folder; removed when the process ends. */
export function buildPages() {
    const folder = mkdtempSync(join(tmpdir(), 'chatgpt-console-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    execFileSync('sh', [join(ROOT, 'admin-ui/build.sh'), folder]);
    return folder;
}
