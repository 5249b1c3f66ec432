// Several redis-servers of the test's own: sentinels with a primary, or a cluster.
// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { cli } from './redis.mjs';
import { sleep, until } from './wire.mjs';

const SLOTS = 16384;

/** Below the ports the system gives to clients; nobody listens there now. */
async function freePort(taken) {
    for (;;) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        const is_free = !taken.has(port) && await new Promise((done) => {
            const server = net.createServer();
            server.once('error', () => done(false));
            server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
        });
        if (is_free) {
            taken.add(port);
            return port;
        }
    }
}

class Fleet {
    #taken = new Set();

    #servers = [];

    constructor() {
        process.on('exit', () => {
            this.#servers.forEach((one) => one.process?.kill('SIGKILL'));
            rmSync(this.folder, { recursive: true, force: true });
        });
    }

    async begin() {
        this.folder = await mkdtemp(path.join(tmpdir(), 'cg-fleet-'));
    }

    /** A server on a port of its own; resolves to its number. */
    async add(words, options = {}) {
        const port = options.port ?? await freePort(this.#taken);
        this.#servers.push({ port, words, ...options });
        await this.start(this.#servers.length - 1);
        return this.#servers.length - 1;
    }

    async start(which) {
        const server = this.#servers[which];
        const folder = path.join(this.folder, String(server.port));
        await mkdir(folder, { recursive: true });
        const common = ['--bind', '127.0.0.1', '--dir', folder, '--save', '',
            '--logfile', path.join(folder, 'log'), '--port',
            server.isTls ? '0' : String(server.port)];
        server.process = spawn('redis-server', server.isSentinel ? server.words
            : [...server.words, ...common], { stdio: 'ignore' });
        server.process.unref(); // a test that fails must be able to end
        await until(() => new Promise((done) => {
            const socket = net.connect(server.port, '127.0.0.1', () => {
                socket.destroy();
                done(true);
            });
            socket.once('error', () => done(false));
        }), { ms: 10000, every: 20, what: `redis-server ${which}` });
    }

    port(which) {
        return this.#servers[which].port;
    }

    ask(which, ...words) {
        return cli(`redis://127.0.0.1:${this.port(which)}`, ...words.map(String));
    }

    says(which, wanted, ...words) {
        return until(async () => (await this.ask(which, ...words))
            .includes(wanted), { ms: 15000, every: 50, what: wanted });
    }

    async kill(which) {
        const { process: one } = this.#servers[which];
        one.ref(); // its end is worth waiting for
        const gone = new Promise((done) => one.once('exit', done));
        one.kill('SIGKILL');
        await gone;
    }

    async stop() {
        await Promise.all(this.#servers.map((one, which) =>
            (one.process.exitCode === null && one.process.signalCode === null
                ? this.kill(which) : null)));
        await rm(this.folder, { recursive: true, force: true });
    }

    freePort() {
        return freePort(this.#taken);
    }
}

/** Server 0 is the primary, then replicas, then three sentinels. */
export async function startSentinels({ replicas = 1, downAfter = 500 } = {}) {
    const fleet = new Fleet();
    await fleet.begin();
    await fleet.add([]);
    for (let i = 1; i <= replicas; i++) {
        await fleet.add(['--repl-diskless-sync-delay', '0', '--replicaof',
            `127.0.0.1 ${fleet.port(0)}`]);
        await fleet.says(i, 'master_link_status:up', 'INFO', 'replication');
    }
    const sentinels = [];
    for (let i = 0; i < 3; i++) {
        const port = await fleet.freePort();
        const file = path.join(fleet.folder, `sentinel-${port}.conf`);
        await writeFile(file, [`port ${port}`, 'bind 127.0.0.1',
            `dir ${fleet.folder}`, `logfile ${file}.log`,
            `sentinel monitor main 127.0.0.1 ${fleet.port(0)} 2`,
            `sentinel down-after-milliseconds main ${downAfter}`,
            'sentinel failover-timeout main 3000', ''].join('\n'));
        sentinels.push(await fleet.add([file, '--sentinel'],
            { port, isSentinel: true }));
    }
    for (const which of sentinels)
        await fleet.says(which, `slaves=${replicas},sentinels=3`, 'INFO',
            'sentinel');
    fleet.url = `sentinel://${sentinels.map((which) =>
        `127.0.0.1:${fleet.port(which)}`).join()}/main`;
    return fleet;
}

/** Three primaries with a third of the slots each, then a replica of each. */
export async function startCluster({ replicas = 0, nodeTimeout = 1000 } = {}) {
    const fleet = new Fleet();
    await fleet.begin();
    const buses = [];
    const count = 3 + replicas;
    for (let i = 0; i < count; i++) {
        buses.push(await fleet.freePort());
        await fleet.add(['--cluster-enabled', 'yes', '--cluster-port',
            String(buses[i]), '--cluster-node-timeout', String(nodeTimeout),
            '--cluster-replica-validity-factor', '0',
            '--repl-diskless-sync-delay', '0']);
    }
    for (let i = 0; i < 3; i++)
        await fleet.ask(i, 'CLUSTER', 'ADDSLOTSRANGE', Math.floor(i * SLOTS / 3),
            Math.floor((i + 1) * SLOTS / 3) - 1);
    for (let i = 0; i < count; i++)
        await fleet.ask(i, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    for (let i = 1; i < count; i++)
        await fleet.ask(i, 'CLUSTER', 'MEET', '127.0.0.1', fleet.port(0), buses[0]);
    for (let i = 0; i < count; i++)
        await fleet.says(i, `known_nodes:${count}`, 'CLUSTER', 'INFO');
    for (let i = 3; i < count; i++)
        await fleet.ask(i, 'CLUSTER', 'REPLICATE',
            await fleet.ask(i % 3, 'CLUSTER', 'MYID'));
    for (let i = 0; i < count; i++)
        await fleet.says(i, 'cluster_state:ok', 'CLUSTER', 'INFO');
    for (let i = 3; i < count; i++)
        await fleet.says(i, 'master_link_status:up', 'INFO', 'replication');
    fleet.url = `cluster://${[0, 1, 2].map((i) =>
        `127.0.0.1:${fleet.port(i)}`).join()}`;
    return fleet;
}

/** One server with these options; isTls: it says its port itself. */
export async function startOne(words, options) {
    const fleet = new Fleet();
    await fleet.begin();
    const port = await fleet.freePort();
    await fleet.add(words(port), { port, ...options });
    return fleet;
}

/** The server that has the slot; of the first `count`. */
export async function ownerOf(fleet, slot, count = 3) {
    for (let i = 0; i < count; i++) {
        const said = await fleet.ask(i, 'CLUSTER', 'NODES');
        const mine = said.split('\n').find((line) => line.includes('myself'));
        const ranges = mine.split(' ').slice(8).filter((one) => /^\d/.test(one));
        if (ranges.some((one) => {
            const [first, last = first] = one.split('-').map(Number);
            return first <= slot && slot <= last;
        }))
            return i;
    }
    return -1;
}

/** Moves a slot as redis-cli does, a few keys at a time. */
export async function moveSlot(fleet, slot, from, to, { batch = 20, rest = 5 } = {}) {
    const [source, target] = await Promise.all([from, to].map((which) =>
        fleet.ask(which, 'CLUSTER', 'MYID')));
    await fleet.ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
    await fleet.ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
    let moved = 0;
    for (let round = 0; ; round++) {
        const said = await fleet.ask(from, 'CLUSTER', 'GETKEYSINSLOT', slot, batch);
        const keys = said.split('\n').filter(Boolean);
        if (!keys.length)
            break;
        const done = await fleet.ask(from, 'MIGRATE', '127.0.0.1', fleet.port(to), '', 0,
            5000, 'KEYS', ...keys);
        // A key that is at both ends was made anew behind the move's back.
        if (!/^(OK|NOKEY)/.test(done) || round > 2000)
            throw new Error(`slot ${slot}, after ${moved} keys: ${done}`);
        moved += keys.length;
        await sleep(rest);
    }
    for (const which of [to, from])
        await fleet.ask(which, 'CLUSTER', 'SETSLOT', slot, 'NODE', target);
    return moved;
}
