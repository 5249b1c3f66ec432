// Programs that `make run` starts: started, waited for, stopped by their own ids.
// SPDX-License-Identifier: Apache-2.0

import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';

const STOP_MS = 10000;

/** Nobody but httpd is given the credential of the upstream. */
export function plainEnvironment() {
    const env = { ...process.env };
    delete env.OPENAI_API_KEY;
    return env;
}

/** util-linux's setpriv makes the kernel end a child with us, however we end. */
const TIED = spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0
    ? ['setpriv', '--pdeathsig', 'TERM', '--'] : [];

export class Processes {
    #all = [];

    #onEnd = () => {};

    /** Who ends before it was told to: told once, with the name. */
    onEnd(tell) {
        this.#onEnd = tell;
    }

    start(name, command, options = {}) {
        const words = [...TIED, ...command];
        const child = spawn(words[0], words.slice(1), { env: plainEnvironment(),
            stdio: ['ignore', 'ignore', 'ignore'], detached: true, ...options });
        const one = { name, child, ended: false, told: false };
        one.gone = new Promise((done) => {
            const end = (why) => {
                one.ended = true;
                done();
                if (!one.told)
                    this.#onEnd(name, why);
            };
            child.once('exit', (code, signal) => end(signal ?? `status ${code}`));
            child.once('error', (error) => end(error.message));
        });
        this.#all.push(one);
        return one;
    }

    /** The last started is stopped first. */
    async stop() {
        for (const one of this.#all.reverse()) {
            one.told = true;
            if (!one.ended)
                one.child.kill('SIGTERM');
            const forced = setTimeout(() => one.ended || one.child.kill('SIGKILL'), STOP_MS);
            await one.gone;
            clearTimeout(forced);
        }
        this.#all = [];
    }
}

export function runTool(command, options = {}) {
    return spawnSync(command[0], command.slice(1), { env: plainEnvironment(),
        encoding: 'utf8', timeout: 30000, ...options });
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks again until the answer is not null; null when the time is over. */
export async function until(ask, ms, every = 20) {
    for (const end = Date.now() + ms; ;) {
        const answer = await ask();
        if (answer !== null || Date.now() > end)
            return answer;
        await sleep(every);
    }
}

/** The words for why a port cannot be had; null when it can. */
export function whyTaken(port) {
    return new Promise((done) => {
        const probe = net.createServer();
        probe.once('error', (error) => done(error.code));
        probe.listen(port, '127.0.0.1', () => probe.close(() => done(null)));
    });
}
