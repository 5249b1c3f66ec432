// Signing requests in tests: written anew from RFC 9421, not from the module.
// SPDX-License-Identifier: Apache-2.0

import { createHash, createHmac, randomUUID, sign as signWith }
    from 'node:crypto';

export const ALL = ['@method', '@target-uri', 'content-digest',
    'authorization'];

export const digest = (body, name = 'sha-256') =>
    `${name}=:${createHash(name.replace('-', '')).update(body)
        .digest('base64')}:`;

const seconds = () => Math.floor(Date.now() / 1000);

/** How a private key, or a shared secret, makes the bytes of a signature. */
const makers = {
    'hmac-sha256': (base, key) => createHmac('sha256', key).update(base)
        .digest(),
    ed25519: (base, key) => signWith(null, base, key),
    'ecdsa-p256-sha256': (base, key) => signWith('sha256', base,
        { key, dsaEncoding: 'ieee-p1363' }),
    'rsa-pss-sha512': (base, key) => signWith('sha512', base,
        { key, padding: 6, saltLength: 64 }),
};

/** "name";parameters */
const spell = (one) => one.replace(/^[^;]*/, '"$&"');

function valueOf(name, { method, url, headers }) {
    const at = new URL(url);
    const target = url.slice(at.origin.length);
    const derived = {
        '@method': method, '@target-uri': url, '@authority': at.host,
        '@scheme': at.protocol.slice(0, -1), '@path': target.split('?')[0],
        '@request-target': target,
        '@query': target.includes('?') ? target.slice(target.indexOf('?'))
            : '?',
    };
    return derived[name] ?? headers[name];
}

/**
 * The headers of a request with those that sign it added. `key` is
 * { id, algorithm, secret }: bytes, or a private KeyObject. What is given of
 * `covers`, `parameters` (null: left out), `digestOf` takes the usual one's place.
 */
export function signed({ method = 'POST', url, headers = {}, body = '' }, key,
    { covers = ALL, parameters = {}, digestOf = 'sha-256', label = 'sig1',
        values = {} } = {}) {
    const all = { 'content-digest': digest(body, digestOf), ...headers };
    const said = { created: seconds(), keyid: key.id, nonce: randomUUID(),
        alg: key.algorithm, ...parameters };
    const write = (value) => (typeof value === 'number' ? value
        : `"${value}"`);
    const input = `(${covers.map(spell).join(' ')})${Object
        .entries(said).filter(([, value]) => value !== null)
        .map(([name, value]) => `;${name}=${write(value)}`).join('')}`;
    const lines = covers.map((one) =>
        `${spell(one)}: ${values[one]
            ?? valueOf(one, { method, url, headers: all })}`);
    const base = Buffer.from([...lines, `"@signature-params": ${input}`]
        .join('\n'));
    const bytes = makers[key.algorithm](base, key.secret);
    return { ...all, 'signature-input': `${label}=${input}`,
        signature: `${label}=:${bytes.toString('base64')}:` };
}
