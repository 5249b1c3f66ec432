// What a bench runs on: a private Redis, an upstream that costs nothing, and one
// httpd that serves the same upstream twice: /plain by ProxyPass alone, /v1 by the
// gateway with everything on.
// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { httpdProgram } from '../../conf/quickstart/httpd_conf.mjs';
import { Owner } from '../../conf/quickstart/owner.mjs';
import { Processes, runTool, sleep, until } from '../../conf/quickstart/processes.mjs';
import { Redis } from '../http/redis.mjs';
import { freePort } from '../http/wire.mjs';
import { keywords, MODELS } from './bodies.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const BUILD = path.resolve(ROOT, process.env.BUILD ?? 'build');
export const EVENTS = 50;
export const INTERVAL_MS = 20;
const START_MS = 30000;

const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http',
    'unixd'];
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

function loadModules() {
    const folder = execFileSync('apxs', ['-q', 'LIBEXECDIR'], { encoding: 'utf8' }).trim();
    return MODULES.map((name) => [name, path.join(folder, `mod_${name}.so`)])
        .filter(([, file]) => existsSync(file))
        .map(([name, file]) => `LoadModule ${name}_module "${file}"`).join('\n');
}

/** Limits so wide that none is met, each counted all the same. */
const configuration = (stage) => `ServerRoot "${stage.folder}"
DefaultRuntimeDir "${stage.folder}"
PidFile "${stage.file('httpd.pid')}"
ServerName 127.0.0.1
Listen 127.0.0.1:${stage.port}
${stage.owner.user ? `User ${stage.owner.user.name}\nGroup ${stage.owner.user.group}` : ''}
${loadModules()}
LoadModule chatgpt_module "${path.join(BUILD, 'mod_chatgpt.so')}"
StartServers 2
ServerLimit 2
ThreadsPerChild 64
MinSpareThreads 1
MaxSpareThreads 128
MaxRequestWorkers 128
MaxKeepAliveRequests 0
ErrorLog "${stage.file('error_log')}"
LogLevel warn proxy:crit proxy_http:crit
DocumentRoot "${stage.folder}"
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
ChatGPTStore ${stage.redis.url}
ChatGPTPepperFile "${stage.file('pepper')}"
ChatGPTJournal "${stage.file('journal')}"
ChatGPTModels "${stage.file('models.json')}"
ChatGPTTokens "${path.join(BUILD, 'tokens')}"
ChatGPTUpstream bench http://127.0.0.1:${stage.upstreamPort}/v1 file:${stage.file('credential')}
ChatGPTAuditKeep 5000
ChatGPTRedactCache ${process.env.BENCH_CACHE ?? 0}
ChatGPTWords "${stage.file('words')}" whole-word
ChatGPTPattern project "PRJ-[0-9]{4}-[A-Z]{2}"
ChatGPTPattern badge "\\bEMP[0-9]{6}\\b"
<Location "/v1">
    ChatGPTEngine on
    AuthType ChatGPT
    AuthName chatgpt
    Require valid-user
    ChatGPTLimit key 100000000/60s
    ChatGPTLimit address 100000000/15min
    ChatGPTLimit key 1000000000000tokens/60s
    ChatGPTRedact * mask both
    ChatGPTAuditText on
</Location>
<Location "/metrics">
    SetHandler chatgpt-metrics
    Require all granted
</Location>
<Location "/plain">
    ProxyPass "http://127.0.0.1:${stage.upstreamPort}/v1"
</Location>
`;

/** CPU in micros that processes have used so far; one that has ended, none. */
export function cpuOf(pids) {
    let ticks = 0;
    for (const pid of pids) {
        try {
            const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
            const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
            ticks += Number(fields[11]) + Number(fields[12]);
        } catch {
            // it has ended
        }
    }
    return ticks * (1e6 / TICKS);
}

export function childrenOf(pid) {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim().split(/\s+/).filter(Boolean).map(Number);
}

export class Stage {
    processes = new Processes();

    constructor() {
        this.folder = mkdtempSync(path.join(tmpdir(), 'chatgpt-bench-'));
        this.owner = new Owner(this.folder);
        this.redis = new Redis(this.folder);
    }

    file(name) {
        return path.join(this.folder, name);
    }

    async start() {
        const { folder } = this;
        this.port = await freePort();
        this.upstreamPort = await freePort();
        this.owner.give('journal');
        const put = (name, text) => writeFileSync(this.file(name), text, { mode: 0o600 });
        put('pepper', randomBytes(48).toString('base64url'));
        put('credential', 'sk-bench-only-the-upstream-may-see-it');
        put('models.json', JSON.stringify(MODELS));
        put('words', keywords().join('\n'));
        put('httpd.conf', configuration(this));
        await this.redis.start();
        this.upstream();
        const made = runTool([path.join(BUILD, 'chatgptctl'), 'key', 'create', '--name', 'bench',
            '--store', this.redis.url, '--pepper', this.file('pepper')]);
        if (made.status !== 0)
            throw new Error(`chatgptctl: ${made.stderr || made.error}`);
        this.key = JSON.parse(made.stdout).key;
        const words = [httpdProgram(), '-d', folder, '-f', this.file('httpd.conf')];
        const test = runTool([...words, '-t']);
        if (test.status !== 0)
            throw new Error(`httpd: ${test.stderr || test.error}`);
        this.httpd = this.processes.start('httpd', [...words, '-DFOREGROUND']);
        const serves = await until(async () => {
            if (this.httpd.ended)
                throw new Error(`httpd ended: ${this.log()}`);
            return fetch(this.url('/metrics')).then((got) => got.ok || null, () => null);
        }, START_MS);
        if (!serves)
            throw new Error(`httpd does not serve: ${this.log()}`);
        return this;
    }

    upstream() {
        this.upstreamProcess = this.processes.start('upstream', [path.join(BUILD,
            'bench/upstream'), String(this.upstreamPort), String(EVENTS), String(INTERVAL_MS)]);
    }

    url(at) {
        return `http://127.0.0.1:${this.port}${at}`;
    }

    log() {
        return existsSync(this.file('error_log'))
            ? readFileSync(this.file('error_log'), 'utf8').slice(-3000) : '';
    }

    pids() {
        const { pid } = this.httpd.child;
        return [pid, ...childrenOf(pid)];
    }

    async redisPid() {
        const info = await this.redis.cli('INFO', 'server');
        return Number(/process_id:(\d+)/.exec(info)[1]);
    }

    /** One number of /metrics, all label values added up. */
    async metric(name) {
        const text = await fetch(this.url('/metrics')).then((got) => got.text());
        return text.split('\n').filter((line) => line.startsWith(name)
            && /[ {]/.test(line[name.length]))
            .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    }

    /** Until every record has gone from the journal to Redis. */
    async settled(ms = 15000) {
        const done = await until(async () => {
            const left = await this.metric('chatgpt_journal_backlog_bytes').catch(() => 1);
            return left === 0 ? true : null;
        }, ms, 100);
        return done === true;
    }

    async stop() {
        await this.processes.stop();
        await this.redis.stop();
        if (!process.env.BENCH_KEEP)
            rmSync(this.folder, { recursive: true, force: true });
    }
}

export { sleep };
