// Who httpd's children are, and what of RUN_DIR they may reach.
// SPDX-License-Identifier: Apache-2.0
//
// Started by root, httpd's children become www-data. RUN_DIR may stand where
// www-data cannot go (below /root, or in a private temporary folder). The
// children keep their working directory from before, so there they are told to
// go by /proc/self/cwd, which asks for no right on the folders above.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { Fault } from './settings.mjs';

const NAMES = ['www-data', 'apache', 'nobody'];

function findUser() {
    for (const name of NAMES) {
        const [uid, gid] = ['-u', '-g'].map((what) =>
            Number(spawnSync('id', [what, name]).stdout?.toString().trim() || NaN));
        if (uid && gid)
            return { name, uid, gid,
                group: spawnSync('id', ['-gn', name]).stdout.toString().trim() };
    }
    throw new Fault(`there is none of the users ${NAMES.join(', ')} for httpd's children`);
}

function mayEnter(folder, { uid, gid }) {
    const { mode, uid: owner, gid: group } = statSync(folder);
    const bits = owner === uid ? mode >> 6 : group === gid ? mode >> 3 : mode;
    return (bits & 1) !== 0;
}

function mayReach(folder, user) {
    for (let at = folder; ; at = path.dirname(at)) {
        if (!mayEnter(at, user))
            return false;
        if (at === path.dirname(at))
            return true;
    }
}

export class Owner {
    /** null: an ordinary user started us, and everything stays theirs. */
    user = process.getuid() === 0 ? findUser() : null;

    constructor(folder) {
        this.folder = folder;
        mkdirSync(folder, { recursive: true, mode: 0o711 });
        if (this.user)
            chmodSync(folder, 0o711);
        this.base = !this.user || mayReach(folder, this.user) ? folder : '/proc/self/cwd';
    }

    /** A path in RUN_DIR, as httpd's children can go it. */
    at(name) {
        return path.join(this.base, name);
    }

    /** A private folder that the children own. */
    give(name) {
        const folder = this.#make(name);
        if (this.user)
            chownSync(folder, this.user.uid, this.user.gid);
        return folder;
    }

    /** A private folder that the children may enter. */
    open(name) {
        const folder = this.#make(name);
        if (this.user)
            chownSync(folder, 0, this.user.gid);
        chmodSync(folder, 0o710);
        return folder;
    }

    #make(name) {
        const folder = path.resolve(this.folder, name);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        return folder;
    }

    /** Files that the children may read but not write. */
    share(...files) {
        for (const file of files) {
            if (this.user)
                chownSync(file, 0, this.user.gid);
            chmodSync(file, 0o640);
        }
    }
}
