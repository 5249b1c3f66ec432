// What is random for each RUN_DIR and found again by a second run.
// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { runTool } from './processes.mjs';
import { Fault } from './settings.mjs';

export const OPERATORS = ['admin', 'operator', 'compliance', 'approver', 'viewer'];

const random = (bytes) => randomBytes(bytes).toString('base64url');

/** The text of a private file, which is made when it is not there. */
function keep(file, make) {
    if (!existsSync(file))
        writeFileSync(file, make(), { mode: 0o600 });
    return readFileSync(file, 'utf8');
}

export function keepPepper(folder) {
    const file = path.join(folder, 'pepper');
    keep(file, () => `${random(48)}\n`);
    return file;
}

/** The master key under which secrets stand in the store. */
export function keepSealKey(folder) {
    const file = path.join(folder, 'seal.key');
    keep(file, () => `${random(32)}\n`);
    chmodSync(file, 0o400);
    return file;
}

/** The credential that the practice provider is shown, as every provider is. */
export function keepPracticeKey(folder) {
    const file = path.join(folder, 'practice-key');
    keep(file, () => `practice-${random(18)}\n`);
    return file;
}

/** { admin: { user, password }, … }, with httpd's files of users and groups. */
export function keepOperators(folder, owner) {
    const operators = JSON.parse(keep(path.join(folder, 'operators.json'), () =>
        JSON.stringify(Object.fromEntries(OPERATORS.map((user) =>
            [user, { user, password: random(18) }])))));
    const users = path.join(folder, 'users');
    const groups = path.join(folder, 'groups');
    writeFileSync(users, '', { mode: 0o640 });
    for (const { user, password } of Object.values(operators)) {
        // The password is on standard input: a command line can be read by all. It is random and
        // long, so the cheapest cost does: httpd checks it with each call of the console.
        const made = runTool(['htpasswd', '-iB', '-C', '4', users, user], { input: password });
        if (made.status !== 0)
            throw new Fault(`htpasswd: ${made.stderr || made.error}`);
    }
    writeFileSync(groups, OPERATORS.map((name) => `${name}: ${name}\n`).join(''),
        { mode: 0o640 });
    owner.share(users, groups);
    return { operators, users, groups };
}

const keyFile = (folder) => path.join(folder, 'api-key.json');

/** The key of an earlier run, or null. */
export function keptKey(folder) {
    return existsSync(keyFile(folder)) ? JSON.parse(readFileSync(keyFile(folder), 'utf8')).key
        : null;
}

export function makeKey(tool, folder, redis, pepper) {
    const made = runTool([tool, 'key', 'create', '--name', 'quick start', '--store', redis,
        '--pepper', pepper]);
    if (made.status !== 0)
        throw new Fault(`chatgptctl key create: ${(made.stderr || String(made.error)).trim()}`);
    writeFileSync(keyFile(folder), made.stdout, { mode: 0o600 });
    return JSON.parse(made.stdout).key;
}
