// An issuer of tokens that a test plays: keys, a JWKS address, tokens.
// SPDX-License-Identifier: Apache-2.0

import { createHmac, generateKeyPairSync, sign, constants } from 'node:crypto';
import http from 'node:http';

const PARTS = {
    RS: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    PS: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
        how: { padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST } },
    ES: { make: (bits) => generateKeyPairSync('ec', { namedCurve:
        { 256: 'P-256', 384: 'P-384', 512: 'P-521' }[bits] }),
    how: { dsaEncoding: 'ieee-p1363' } },
    Ed: { make: () => generateKeyPairSync('ed25519') },
};

export const b64 = (value) => Buffer.from(typeof value === 'object'
    && !Buffer.isBuffer(value) ? JSON.stringify(value) : value)
    .toString('base64url');

/** A pair of keys for one algorithm, with its public half as a JWK. */
export function newKey(alg, kid) {
    const { make, how = {} } = PARTS[alg.slice(0, 2)];
    const bits = Number(alg.slice(2)) || 0;
    const { privateKey, publicKey } = make(bits);
    return { alg, kid, privateKey, publicKey,
        jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
        sign: (text) => sign(bits ? `sha${bits}` : null, Buffer.from(text),
            { key: privateKey, ...how }) };
}

export const hmac = (secret, alg = 'HS256') => ({ alg,
    sign: (text) => createHmac(`sha${alg.slice(2)}`, secret).update(text)
        .digest() });

/** A token of that header and those claims, signed whatever they are. */
export function tokenOf(key, claims, header = {}) {
    const covered = `${b64({ alg: key.alg, typ: 'JWT',
        ...(key.kid ? { kid: key.kid } : {}), ...header })}.${b64(claims)}`;
    return `${covered}.${b64(key.sign(covered))}`;
}

export class Issuer {
    constructor() {
        this.keys = [];
        this.asked = 0;
        this.answer = null; // (response) => …: instead of the set
        this.server = http.createServer((request, response) => {
            this.asked += 1;
            if (this.answer) {
                this.answer(response, request);
                return;
            }
            response.setHeader('content-type', 'application/json');
            response.end(JSON.stringify({ keys: this.keys.map((one) =>
                one.jwk) }));
        });
    }

    static async start(...algs) {
        const issuer = new Issuer();
        issuer.keys = algs.map((alg, i) => newKey(alg, `${alg}-${i}`));
        await issuer.listen(0);
        return issuer;
    }

    listen(port) {
        return new Promise((done) => {
            this.server.listen(port, '127.0.0.1', () => {
                this.port = this.server.address().port;
                done();
            });
        });
    }

    /** Nobody answers at its port. */
    away() {
        return new Promise((done) => {
            this.server.close(done);
            this.server.closeAllConnections();
        });
    }

    back() {
        return this.listen(this.port);
    }

    get url() {
        return `http://127.0.0.1:${this.port}/keys`;
    }

    get iss() {
        return 'https://idp.test';
    }

    claims(more = {}) {
        const now = Math.floor(Date.now() / 1000);
        return { iss: this.iss, aud: 'gateway', sub: 'alice', iat: now,
            exp: now + 600, ...more };
    }

    token(more = {}, key = this.keys[0], header = {}) {
        return tokenOf(key, this.claims(more), header);
    }
}
