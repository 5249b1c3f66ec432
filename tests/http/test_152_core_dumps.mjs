// A child that crashes leaves a core dump, and no long-lived secret stands in it.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync,
    writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { Watch } from './canary.mjs';
import { sleep, until, useGateway } from './harness.mjs';

const secret = (bytes) => randomBytes(bytes).toString('base64url');
const folder = mkdtempSync(path.join(tmpdir(), 'cg-core-'));
const issuerFile = path.join(folder, 'issuer');
const canaries = { 'secret of an issuer': secret(48), 'seal key of the environment': secret(32),
    'signing secret': secret(32) };
writeFileSync(issuerFile, canaries['secret of an issuer'], { mode: 0o600 });
chmodSync(folder, 0o777); // children write there as their own user
after(() => rmSync(folder, { recursive: true }));
process.env.CG_CORE_CANARY = canaries['seal key of the environment'];

/** A kernel that writes a core as a file where the process stands; others hand it away. */
const PATTERN = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
const skip = canDump() ? false : `no core is written here: ${PATTERN}`;

/** httpd inherits the limit of this process. */
function canDump() {
    try {
        execFileSync('prlimit', ['--pid', String(process.pid), '--core=unlimited'],
            { stdio: 'ignore' });
        return /^core(\.%[a-z])*$/.test(PATTERN);
    } catch {
        return false;
    }
}

const gw = useGateway({ redis: true, server: ['ChatGPTSealKey env:CG_CORE_CANARY',
    `CoreDumpDirectory ${folder}`,
    `ChatGPTIssuer acme issuer=https://issuer.test audience=gateway secret=file:${issuerFile}`],
    policy: ['ChatGPTSignature optional'] }, prepare);

async function prepare() {
    const file = (name) => readFileSync(path.join(gw.folder, name), 'utf8').trim();
    const raw = Buffer.from(canaries['seal key of the environment'], 'base64url');
    Object.assign(canaries, { pepper: file('pepper'), 'seal key': file('seal.key'),
        'seal key, its bytes': Buffer.from(file('seal.key'), 'base64url'),
        'seal key of the environment, its bytes': raw });
    const made = await gw.ctl(['signkey', 'create', '--name', 'canary', '--alg', 'hmac-sha256',
        '--key', gw.key.slice(3, 11), '--stdin'],
    { input: Buffer.from(canaries['signing secret']).toString('base64') });
    assert.equal(made.code, 0, made.stderr);
}

/** Most pages of a core are empty, and a search of each costs what one of others does. */
function withoutEmptyPages(bytes) {
    const empty = Buffer.alloc(4096);
    const pages = [];
    for (let at = 0; at < bytes.length; at += empty.length) {
        const page = bytes.subarray(at, at + empty.length);
        if (!page.equals(empty))
            pages.push(page);
    }
    return Buffer.concat(pages);
}

async function coreOf(pid) {
    process.kill(pid, 'SIGSEGV');
    await until(() => !existsSync(`/proc/${pid}`), { ms: 8000, what: 'the end of a child' });
    await sleep(100);
    const name = readdirSync(folder).find((one) => one.startsWith('core'));
    assert.ok(name, 'there is a core dump');
    const bytes = readFileSync(path.join(folder, name));
    rmSync(path.join(folder, name));
    return withoutEmptyPages(bytes);
}

test('no long-lived secret stands in the core dump of a child that crashes', { skip }, async () => {
    gw.expectLog('AH00051', 'AH00052');
    for (let i = 0; i < 6; i += 1)
        assert.equal((await gw.chat('remember the marker of this test')).status, 200);
    const [pid] = await gw.children();
    const core = await coreOf(pid);
    assert.ok(core.includes('ChatGPTSealKey') && core.length > 1 << 20, 'it is a whole core');
    assert.deepEqual(new Watch(canaries).search('the core', core), []);
});

test('the others go on serving', { skip }, async () => {
    assert.equal((await gw.chat('hello')).status, 200);
});
