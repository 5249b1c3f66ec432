#!/usr/bin/env node
// Signs requests to mod_chatgpt (RFC 9421, RFC 9530): node 18 or later, no packages.
// SPDX-License-Identifier: Apache-2.0
//
//   node sign.mjs URL [BODY-FILE]          POST the file, or GET without one
//
//   OPENAI_API_KEY   the API key
//   SIGN_KEY_ID      keyid of the signing key
//   SIGN_KEY_FILE    its private key as PEM, or of hmac-sha256 the secret in base64
//
// In a program of your own:
//
//   import OpenAI from 'openai';
//   import { readKey, signedFetch } from './sign.mjs';
//   const key = { id: 'sgn_…', ...readKey('signing.pem') };
//   const client = new OpenAI({ baseURL, apiKey, fetch: signedFetch(key) });
//
// Each try of a request is signed anew: a signature is good once.

import { createHash, createHmac, createPrivateKey, constants, randomUUID, sign }
    from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const COVERED = ['@method', '@target-uri', 'content-digest', 'authorization'];

const ALGORITHMS = {
    ed25519: (base, key) => sign(null, base, key),
    'ecdsa-p256-sha256': (base, key) => sign('sha256', base,
        { key, dsaEncoding: 'ieee-p1363' }),
    'rsa-pss-sha512': (base, key) => sign('sha512', base, { key,
        padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }),
    'hmac-sha256': (base, key) => createHmac('sha256', key).update(base)
        .digest(),
};

const KINDS = { ed25519: 'ed25519', ec: 'ecdsa-p256-sha256',
    rsa: 'rsa-pss-sha512', 'rsa-pss': 'rsa-pss-sha512' };

/** { algorithm, secret } of a key file: what it is, it tells itself. */
export function readKey(file) {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('-----BEGIN'))
        return { algorithm: 'hmac-sha256',
            secret: Buffer.from(text.trim(), 'base64') };
    const secret = createPrivateKey(text);
    const algorithm = KINDS[secret.asymmetricKeyType];
    if (!algorithm)
        throw new Error(`${file}: no algorithm for a key of this kind`);
    return { algorithm, secret };
}

/** The headers that sign a request; body is a Buffer or a string, or nothing. */
export function signatureOf({ method, url, authorization, body = '' }, key) {
    // The server puts the host in lower case and leaves out the usual port.
    const { origin } = new URL(url);
    const digest = createHash('sha256').update(body).digest('base64');
    const values = {
        '@method': method,
        '@target-uri': origin + new URL(url).pathname + new URL(url).search,
        'content-digest': `sha-256=:${digest}:`,
        authorization,
    };
    const input = `(${COVERED.map((name) => `"${name}"`).join(' ')})`
        + `;created=${Math.floor(Date.now() / 1000)};keyid="${key.id}"`
        + `;nonce="${randomUUID()}";alg="${key.algorithm}"`;
    const base = [...COVERED.map((name) => `"${name}": ${values[name]}`),
        `"@signature-params": ${input}`].join('\n');
    const bytes = ALGORITHMS[key.algorithm](Buffer.from(base), key.secret);
    return { 'content-digest': values['content-digest'],
        'signature-input': `sig1=${input}`,
        signature: `sig1=:${bytes.toString('base64')}:` };
}

/** A fetch that signs what it sends; the body is read first, also of a stream. */
export function signedFetch(key, send = globalThis.fetch) {
    return async (input, init) => {
        const asked = new Request(input, init?.body
            ? { duplex: 'half', ...init } : init);
        const body = Buffer.from(await asked.arrayBuffer());
        const headers = new Headers(asked.headers);
        const signature = signatureOf({ method: asked.method, url: asked.url,
            authorization: headers.get('authorization'), body }, key);
        for (const [name, value] of Object.entries(signature))
            headers.set(name, value);
        return send(asked.url, { method: asked.method, headers,
            signal: asked.signal, ...(body.length ? { body } : {}) });
    };
}

async function main([url, file]) {
    const { OPENAI_API_KEY, SIGN_KEY_ID, SIGN_KEY_FILE } = process.env;
    if (!url || !OPENAI_API_KEY || !SIGN_KEY_ID || !SIGN_KEY_FILE) {
        console.error('usage: OPENAI_API_KEY=… SIGN_KEY_ID=… SIGN_KEY_FILE=… '
            + 'node sign.mjs URL [BODY-FILE]');
        return 2;
    }
    const send = signedFetch({ id: SIGN_KEY_ID, ...readKey(SIGN_KEY_FILE) });
    const got = await send(url, { method: file ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${OPENAI_API_KEY}`,
            ...(file ? { 'content-type': 'application/json' } : {}) },
        ...(file ? { body: readFileSync(file) } : {}) });
    console.log(await got.text());
    return got.ok ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
    process.exitCode = await main(process.argv.slice(2));
