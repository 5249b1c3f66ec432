// The store of `make run`: a private redis-server, or the one that REDIS names.
// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { until } from './processes.mjs';
import { Fault } from './settings.mjs';

const START_MS = 20000;
const SOCKET_MOST = 100; // bytes: sockaddr_un holds 107

/** Says PING; resolves to true when Redis answers anything but "loading". */
function ping(where, ms = 2000) {
    return new Promise((done) => {
        const socket = net.connect(where);
        const end = (answer) => {
            clearTimeout(late);
            socket.destroy();
            done(answer);
        };
        const late = setTimeout(() => end(null), ms);
        socket.once('connect', () => socket.write('PING\r\n'));
        socket.once('data', (said) => end(String(said).startsWith('-LOADING') ? null : true));
        socket.once('error', () => end(null));
        socket.once('close', () => end(null));
    });
}

function placeOf(url) {
    if (url.startsWith('unix:'))
        return { path: url.slice(5).split('?')[0] };
    const [, scheme, host, port] = /^(\w+):\/\/(?:[^ ]*@)?(\[[^\]]*\]|[^:/, ]*)(?::(\d+))?/.exec(url);
    return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1',
        port: Number(port || (scheme === 'sentinel' ? 26379 : 6379)) };
}

/** Who speaks TLS does not answer a plain PING; httpd will tell. */
const isTls = (url) => url.startsWith('rediss:') || / tls=on\b/.test(url);

/** The folder of the socket: RUN_DIR/redis, unless its path is too long for one. */
function socketFolder(owner, folder) {
    if (Buffer.byteLength(path.join(folder, 'redis.sock')) <= SOCKET_MOST)
        return { own: folder, forHttpd: owner.at('redis'), remove: () => {} };
    const made = mkdtempSync(path.join(tmpdir(), 'chatgpt-'));
    owner.open(made);
    return { own: made, forHttpd: made,
        remove: () => rmSync(made, { recursive: true, force: true }) };
}

/** The socket may be used by all who may enter its folder: httpd's children, and us. */
const configuration = (folder, socket) => `# made by make run; written anew with each start
port 0
unixsocket "${socket}"
unixsocketperm 777
dir "${folder}"
logfile "${path.join(folder, 'redis.log')}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
`;

async function startOwn(processes, owner) {
    const folder = owner.open('redis');
    const place = socketFolder(owner, folder);
    const socket = path.join(place.own, 'redis.sock');
    const file = path.join(folder, 'redis.conf');
    writeFileSync(file, configuration(folder, socket), { mode: 0o600 });
    const server = processes.start('redis-server', ['redis-server', file]);
    const answer = await until(() => (server.ended ? false : ping({ path: socket })), START_MS);
    if (!answer)
        throw new Fault(`redis-server does not start: see ${path.join(folder, 'redis.log')}`);
    return { url: `unix:${socket}`, urlForHttpd: `unix:${path.join(place.forHttpd, 'redis.sock')}`,
        remove: place.remove };
}

/** { url, urlForHttpd, remove() }: for us, and for httpd's children. */
export async function openStore(processes, owner, url) {
    if (url === null)
        return startOwn(processes, owner);
    if (!isTls(url) && !await ping(placeOf(url)))
        throw new Fault(`REDIS: nothing answers at ${url}`);
    return { url, urlForHttpd: url, remove: () => {} };
}
