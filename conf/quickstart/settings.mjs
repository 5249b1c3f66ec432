// What the variables of `make run` say, checked.
// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Something the person who typed the command can put right. */
export class Fault extends Error {}

const given = (env, name) => env[name] || null;

/** httpd reads paths in quotes; these characters would end them. */
function checkPath(name, value) {
    if (/["\\\n\r]|\$\{/.test(value))
        throw new Fault(`${name}: "${value}" holds a quote, a backslash, a line end or \${`);
    return value;
}

function portOf(text) {
    const port = Number(text ?? 8080);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
        throw new Fault(`PORT: "${text}" is not legal; legal: 1 to 65535`);
    return port;
}

function redisOf(text) {
    if (text !== null
        && !/^(?:unix:\/|rediss?:\/\/|sentinel:\/\/|cluster:\/\/)[^\s"\\]+(?: [a-z-]+=[^\s"\\]+)*$/.test(text))
        throw new Fault(`REDIS: "${text}" is not legal; legal: unix:/path, redis://host:port/db `
            + 'or the other forms of ChatGPTStore');
    return text;
}

/** The API's base: OpenAI's clients put everything below /v1. */
function upstreamOf(text) {
    if (text === null)
        return null;
    const url = URL.canParse(text) ? new URL(text) : null;
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash)
        throw new Fault(`UPSTREAM: "${text}" is not legal; legal: http(s)://host[:port][/path]`);
    return url.origin + (url.pathname === '/' ? '/v1' : url.pathname.replace(/\/+$/, ''));
}

function fileOf(env, name) {
    const value = given(env, name);
    if (value === null)
        return null;
    const file = checkPath(name, path.resolve(value));
    try {
        accessSync(file, constants.R_OK);
    } catch {
        throw new Fault(`${name}: ${file} cannot be read`);
    }
    return file;
}

export function readSettings(env) {
    return {
        folder: checkPath('RUN_DIR',
            path.resolve(ROOT, given(env, 'RUN_DIR') ?? 'build/run')),
        port: portOf(given(env, 'PORT')),
        redis: redisOf(given(env, 'REDIS')),
        upstream: upstreamOf(given(env, 'UPSTREAM')),
        hasCredential: given(env, 'OPENAI_API_KEY') !== null,
        policy: fileOf(env, 'POLICY'),
        serverConf: fileOf(env, 'SERVER_CONF'),
    };
}
