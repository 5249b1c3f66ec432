/* The console as build.sh lays it out, in a folder of the test's own; and the pages it has.
 * SPDX-License-Identifier: Apache-2.0
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const PAGES = ['overview', 'requests', 'upstreams', 'keys', 'signing_keys', 'issuers', 'people', 'limits', 'policies',
    'redaction', 'scan', 'changes'];

/* The folder; removed when the process ends. */
export function buildPages() {
    const folder = mkdtempSync(join(tmpdir(), 'chatgpt-console-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    execFileSync('sh', [join(ROOT, 'admin-ui/build.sh'), folder]);
    return folder;
}
