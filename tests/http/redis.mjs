// A redis-server of the test's own, to be killed, frozen and started again.
// SPDX-License-Identifier: Apache-2.0

import { execFile, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { until } from './wire.mjs';

const run = promisify(execFile);

/** redis-cli over a unix socket or URL as ready.json names it. */
export async function cli(where, ...words) {
    const at = where.startsWith('unix:')
        ? ['-s', where.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
            .split('?')[0]]
        : ['-u', where];
    const { stdout } = await run('redis-cli', [...at, ...words],
        { timeout: 5000, maxBuffer: 64 << 20 });
    return stdout.replace(/\n$/, '');
}

export class Redis {
    #process = null;

    constructor(folder) {
        this.folder = folder;
        this.socket = path.join(folder, 'own-redis.sock');
        this.url = `unix:${this.socket}`;
        process.on('exit', () => this.#process?.kill('SIGKILL'));
    }

    async start() {
        await mkdir(this.folder, { recursive: true });
        this.#process = spawn('redis-server', ['--port', '0',
            '--unixsocket', this.socket, '--unixsocketperm', '777',
            '--dir', this.folder, '--appendonly', 'yes', '--save', '',
            '--loglevel', 'warning'], { stdio: 'ignore' });
        await until(() => cli(this.url, 'PING').then((said) =>
            said === 'PONG').catch(() => false),
        { ms: 10000, every: 20, what: 'redis-server' });
        return this;
    }

    #ended() {
        return this.#process === null || this.#process.exitCode !== null
            || this.#process.signalCode !== null;
    }

    async #end(signal) {
        if (this.#ended())
            return;
        const gone = new Promise((done) => this.#process.once('exit', done));
        this.#process.kill('SIGCONT');
        this.#process.kill(signal);
        await gone;
    }

    kill() {
        return this.#end('SIGKILL');
    }

    stop() {
        return this.#end('SIGTERM');
    }

    freeze() {
        this.#process.kill('SIGSTOP');
    }

    thaw() {
        this.#process.kill('SIGCONT');
    }

    cli(...words) {
        return cli(this.url, ...words);
    }
}
