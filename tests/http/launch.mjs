// One httpd of the test's own: configured, started, watched, stopped.
// SPDX-License-Identifier: Apache-2.0

import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { start as startProvider } from '../fake/provider.mjs';
import { Redis } from './redis.mjs';
import { freePort, until } from './wire.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const START_MS = 60000;
export const STOP_MS = 15000;
const HTTPD = process.env.CG_HTTPD ?? '/usr/sbin/apache2';
const LOUD = /\[(?:[\w-]+:)?(?:warn|error|crit|alert|emerg)\]/;
const PREFIX = /^\[[^\]]*\] \[(?:[\w-]+:)?(?:warn|error|crit|alert|emerg)\]/;

/** The sample's limits taken back, so that a file meets only its own. */
const OPEN_LIMITS = ['ChatGPTLimit key none', 'ChatGPTLimit address none',
    'ChatGPTAttempts off'];

/** No limit of the console either; three children, and room for tests that hold
 * many connections open. */
const SERVER = ['ChatGPTAttempts off', 'StartServers 3', 'ServerLimit 4', 'ThreadsPerChild 24',
    'MinSpareThreads 60', 'MaxSpareThreads 96', 'MaxRequestWorkers 96'];

/** A busy test machine is no outage; who tests outages brings a Redis. */
const PATIENT = ['ChatGPTStoreTimeout 2s'];

/** Lines no configuration of ours can prevent. */
const HARMLESS = [/AH00558/, /AH01882/];

function gatewayCommand() {
    const own = process.env.CG_RUN;
    return own ? own.split(' ') : ['make', '-s', '-C', ROOT, 'run'];
}

/** What still runs when the test's process ends for any reason. */
const running = new Set();
process.on('exit', () => {
    for (const one of running)
        try {
            process.kill(-one.pid, 'SIGTERM');
        } catch {
            // it has ended by itself
        }
});

export class Server {
    #make = null;

    #expected = [...HARMLESS];

    #output = '';

    constructor(options) {
        this.options = options;
    }

    async start() {
        const { options } = this;
        this.folder = await mkdtemp(path.join(tmpdir(), 'cg-http-'));
        this.port = await freePort();
        await this.providerAgain(0);
        if (options.redis)
            this.redis = await new Redis(this.folder).start();
        await this.#configure();
        await this.#launch();
        return this;
    }

    /** The practice provider, new, on a port it may have had before. */
    async providerAgain(port) {
        this.provider = await startProvider({ port, tls: this.options.tls });
    }

    async #configure() {
        const { options } = this;
        this.files = { policy: path.join(this.folder, 'policy.conf'),
            server: path.join(this.folder, 'server.conf') };
        const put = (file, list) => writeFile(file, `${list.join('\n')}\n`);
        await put(this.files.policy, [...OPEN_LIMITS,
            ...(options.policy ?? [])]);
        await put(this.files.server, [...SERVER, ...(options.redis || options.store
            ? [] : PATIENT), ...(options.server ?? [])]);
    }

    environment() {
        const inherited = { ...process.env };
        delete inherited.OPENAI_API_KEY;
        return { ...inherited, RUN_DIR: this.folder, PORT: String(this.port),
            UPSTREAM: this.options.upstream ?? this.provider.url,
            OPENAI_API_KEY: this.options.upstreamKey
                ?? 'sk-upstream-only-the-provider-may-see',
            POLICY: this.files.policy, SERVER_CONF: this.files.server,
            ...(this.redis ? { REDIS: this.redis.url } : {}),
            ...(this.options.store ? { REDIS: this.options.store } : {}) };
    }

    async #launch() {
        const [command, ...words] = gatewayCommand();
        const file = path.join(this.folder, 'ready.json');
        await rm(file, { force: true });
        this.#make = spawn(command, words, { env: this.environment(),
            stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        // Connections of an earlier life must not be taken for this one's.
        this.agent?.destroy();
        this.agent = new http.Agent({ keepAlive: true });
        const made = this.#make;
        running.add(made);
        made.once('exit', () => running.delete(made));
        for (const pipe of [this.#make.stdout, this.#make.stderr])
            pipe.on('data', (part) => {
                this.#output = (this.#output + part).slice(-20000);
            });
        await until(async () => {
            if (this.#make.exitCode !== null)
                throw new Error(`make run ended:\n${this.#output}`);
            return existsSync(file) && readFileSync(file, 'utf8').endsWith('}\n');
        }, { ms: START_MS, every: 20, what: `ready.json\n${this.#output}` });
        this.ready = JSON.parse(await readFile(file, 'utf8'));
        this.key = this.ready.api_key;
        this.api = this.ready.api;
    }

    get output() {
        return this.#output;
    }

    /** Ends what make run started; the folder stays for a second start. */
    async halt() {
        if (!this.#make || this.#make.exitCode !== null
            || this.#make.signalCode !== null)
            return;
        const gone = new Promise((done) => this.#make.once('exit', done));
        this.#make.kill('SIGTERM');
        const forced = setTimeout(() => process.kill(-this.#make.pid,
            'SIGKILL'), STOP_MS);
        await gone;
        clearTimeout(forced);
    }

    /** httpd alone on the configuration of the last make run. */
    async bare() {
        this.#make = spawn(HTTPD, ['-d', this.folder, '-f',
            this.ready.config, '-DFOREGROUND'], { env: this.environment(),
            stdio: 'ignore', detached: true });
        running.add(this.#make);
    }

    /** A second make run in the same folder. */
    async again() {
        await this.halt();
        await this.#launch();
    }

    /** Starts anew, in the same folder, with other directives. */
    async rewrite(options) {
        Object.assign(this.options, options);
        await this.halt();
        await this.#configure();
        await this.#launch();
    }

    async stop() {
        await this.halt();
        this.agent?.destroy();
        await this.redis?.stop();
        await this.provider.close();
        const loud = this.unexpectedLog();
        if (!process.env.CG_KEEP)
            await rm(this.folder, { recursive: true, force: true });
        if (loud.length)
            throw new Error(`${path.basename(process.argv[1])}: `
                + `${loud.length} unexpected lines in the error log:\n${loud.slice(0, 20).join('\n')}`);
    }

    // — the error log —

    log() {
        try {
            return readFileSync(this.ready.error_log, 'utf8');
        } catch {
            return '';
        }
    }

    /** Announces a tag or pattern that this file's tests will cause. */
    expectLog(...patterns) {
        for (const one of patterns)
            this.#expected.push(typeof one === 'string'
                ? new RegExp(`\\b${one}\\b`) : one);
    }

    unexpectedLog() {
        return this.log().split('\n').filter((line) => LOUD.test(line)
            && PREFIX.test(line)
            && !this.#expected.some((one) => one.test(line)));
    }

    async children() {
        const list = await readFile(`/proc/${this.ready.httpd_pid}/task/`
            + `${this.ready.httpd_pid}/children`, 'utf8');
        return list.trim().split(' ').filter(Boolean).map(Number);
    }

    /** httpd -t on this configuration, with more lines at server level. */
    async configtest(extra = [], words = []) {
        const file = path.join(this.folder, 'trial.conf');
        await writeFile(file, `${extra.join('\n')}\n`);
        return new Promise((done) => execFile(HTTPD, ['-t', '-d', this.folder,
            '-f', this.ready.config, '-c', `Include "${file}"`, ...words],
        { timeout: 20000, env: this.environment() }, (error, stdout,
            stderr) => done({
            ok: !error, words: stdout + stderr })));
    }
}
