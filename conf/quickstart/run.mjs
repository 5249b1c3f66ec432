#!/usr/bin/env node
// make run: a gateway on this machine, from nothing to a key that works.
// SPDX-License-Identifier: Apache-2.0
//
// Starts a private Redis, the practice provider and httpd, as far as REDIS and
// UPSTREAM do not name others; says what can be pasted; and stops what it
// started on Ctrl-C or SIGTERM. README.md lists the variables.

import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync }
    from 'node:fs';
import path from 'node:path';

import { httpdProgram, writeConfiguration } from './httpd_conf.mjs';
import { Owner } from './owner.mjs';
import { plainEnvironment, Processes, runTool, until, whyTaken } from './processes.mjs';
import { openStore } from './redis.mjs';
import { keepOperators, keepPepper, keepPracticeKey, keepSealKey, keptKey, makeKey } from './secrets.mjs';
import { Fault, readSettings, ROOT } from './settings.mjs';

const START_MS = 30000;
const TOOL = path.join(ROOT, 'build/chatgptctl');
const PROVIDER = path.join(ROOT, 'tests/fake/provider.mjs');

/** Everything about this run; httpd_conf.mjs reads it. */
class Run {
    processes = new Processes();

    constructor(env) {
        this.settings = readSettings(env);
        this.origin = `http://127.0.0.1:${this.settings.port}`;
    }

    at(name) {
        return this.owner.at(name);
    }

    file(name) {
        return path.join(this.settings.folder, name);
    }

    async start() {
        await this.#checkPort();
        this.owner = new Owner(this.settings.folder);
        rmSync(this.file('ready.json'), { force: true });
        this.pepper = keepPepper(this.settings.folder);
        this.sealKey = keepSealKey(this.settings.folder);
        this.operators = keepOperators(this.settings.folder, this.owner).operators;
        this.owner.give('journal');
        mkdirSync(this.file('site'), { recursive: true, mode: 0o755 });
        rmSync(this.file('console'), { recursive: true, force: true });
        cpSync(path.join(ROOT, 'build/console'), this.file('console'), { recursive: true });
        this.store = await openStore(this.processes, this.owner, this.settings.redis);
        await this.#chooseUpstream();
        await this.#startHttpd();
        await this.#findKey();
        await this.#checkConsole();
        this.#announce();
    }

    async #checkPort() {
        const { port } = this.settings;
        const why = await whyTaken(port);
        if (why === 'EADDRINUSE')
            throw new Fault(`PORT: 127.0.0.1:${port} is taken; choose another, as PORT=${
                port === 65535 ? 8081 : port + 1}`);
        if (why)
            throw new Fault(`PORT: 127.0.0.1:${port} cannot be had: ${why}`);
    }

    async #chooseUpstream() {
        const { upstream, hasCredential } = this.settings;
        this.upstreamName = upstream ? 'upstream' : hasCredential ? 'openai' : 'practice';
        this.credential = hasCredential ? 'env:OPENAI_API_KEY'
            : upstream ? '' : `file:${keepPracticeKey(this.settings.folder)}`;
        this.upstream = upstream ?? (hasCredential ? 'https://api.openai.com/v1'
            : `${await this.#startProvider()}/v1`);
    }

    async #startProvider() {
        const ready = this.file('provider.json');
        rmSync(ready, { force: true });
        const provider = this.processes.start('the practice provider', [process.execPath,
            PROVIDER, '--host', '127.0.0.1', '--port', '0', '--ready', ready]);
        const said = await until(() => {
            if (provider.ended)
                throw new Fault(`the practice provider does not start: node ${PROVIDER}`);
            return existsSync(ready) && readFileSync(ready, 'utf8') ? true : null;
        }, START_MS);
        if (!said)
            throw new Fault('the practice provider does not start');
        return JSON.parse(readFileSync(ready, 'utf8')).url;
    }

    #httpdEnvironment() {
        const { OPENAI_API_KEY } = process.env;
        return { ...plainEnvironment(), ...(OPENAI_API_KEY ? { OPENAI_API_KEY } : {}) };
    }

    async #startHttpd() {
        const config = this.file('httpd.conf');
        const log = this.file('error_log');
        const words = [httpdProgram(), '-d', this.settings.folder, '-f', config];
        const options = { cwd: this.settings.folder, env: this.#httpdEnvironment() };
        writeFileSync(config, writeConfiguration(this), { mode: 0o600 });
        const test = runTool([...words, '-t'], options);
        if (test.status !== 0)
            throw new Fault(`httpd: ${(test.stderr || String(test.error)).trim()}`);
        const from = existsSync(log) ? statSync(log).size : 0;
        this.httpd = this.processes.start('httpd', [...words, '-DFOREGROUND'], options);
        const answer = await until(() => this.#probe('none'), START_MS);
        if (answer === null)
            throw new Fault(`httpd does not serve; its error log says:\n${
                existsSync(log) ? readFileSync(log, 'utf8').slice(from).slice(-3000) : ''}`);
    }

    /**
     * Asks for what no API has. A good key is told so (unknown_url) and a bad
     * one is not known; neither uses anything up of the limits.
     */
    async #probe(key) {
        if (this.httpd.ended)
            throw new Fault(`httpd ended; see ${this.file('error_log')}`);
        try {
            const got = await fetch(`${this.origin}/v1/make-run`,
                { headers: { authorization: `Bearer ${key}` } });
            const { error } = await got.json();
            return error?.code ?? null;
        } catch {
            return null; // nobody listens yet, or a page of httpd's own answers
        }
    }

    async #isGood(key) {
        const code = await until(async () => {
            const said = await this.#probe(key);
            return said === 'policy_store_unavailable' ? null : said;
        }, 10000, 200);
        // Who is asked for a signature is known already.
        return code === 'unknown_url' || code === 'signature_required';
    }

    /** The key of an earlier run may be revoked, or of another Redis. */
    async #findKey() {
        const kept = keptKey(this.settings.folder);
        if (kept && await this.#isGood(kept)) {
            this.key = kept;
            return;
        }
        this.key = makeKey(TOOL, this.settings.folder, this.store.url, this.pepper);
        if (!await this.#isGood(this.key))
            throw new Fault(`the gateway does not take its new key; see ${
                this.file('error_log')}`);
    }

    async #checkConsole() {
        const { user, password } = this.operators.admin;
        const got = await fetch(`${this.origin}/console/api/v1/session`, { headers: {
            authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } });
        if (got.status !== 200)
            throw new Fault(`the console answers ${got.status}; see ${this.file('error_log')}`);
    }

    #announce() {
        const { origin, operators } = this;
        const ready = { api: `${origin}/v1`, console: `${origin}/console/`,
            admin_api: `${origin}/console/api/v1`, metrics: `${origin}/metrics`,
            api_key: this.key, operators, httpd_pid: this.httpd.child.pid,
            redis: this.store.url, upstream: this.upstream, config: this.file('httpd.conf'),
            error_log: this.file('error_log') };
        process.stdout.write(`
mod_chatgpt serves, with ${this.upstreamName === 'practice' ? 'the practice provider'
    : this.upstream} behind it. Try:

curl ${ready.api}/chat/completions \\
  -H 'Authorization: Bearer ${this.key}' \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "My card is 4111 1111 1111 1111."}]}'

Console: ${ready.console}
${Object.values(operators).map(({ user, password }) => `  ${user.padEnd(10)} ${password}`)
    .join('\n')}
Metrics: ${ready.metrics} (same sign-in)   Logs: ${this.settings.folder}
Ctrl-C stops it.
`);
        // Whole or not at all: others wait for this file.
        writeFileSync(this.file('ready.json.new'), `${JSON.stringify(ready, null, 1)}\n`,
            { mode: 0o600 });
        renameSync(this.file('ready.json.new'), this.file('ready.json'));
    }

    async stop() {
        if (this.owner)
            rmSync(this.file('ready.json'), { force: true });
        await this.processes.stop();
        this.store?.remove();
    }
}

async function main() {
    let run = null;
    let isEnding = false;
    const end = async (status, words) => {
        if (isEnding)
            return;
        isEnding = true;
        if (words)
            process.stderr.write(`make run: ${words}\n`);
        await run?.stop();
        process.exit(status);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
        process.on(signal, () => end(0));
    try {
        run = new Run(process.env);
        run.processes.onEnd((name, why) => end(1, `${name} ended by itself (${why}); logs: ${
            run.settings.folder}`));
        await run.start();
    } catch (error) {
        await end(1, error instanceof Fault ? error.message : error.stack);
    }
}

await main();
