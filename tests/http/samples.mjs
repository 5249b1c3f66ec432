// One value of each kind that must not leave, put together so that no scanner
// SPDX-License-Identifier: Apache-2.0
// of this repository takes them for real: every value is made up.

const pem = (kind) => `-----${kind} RSA PRIVATE KEY-----`;

export const SAMPLES = {
    CREDIT_CARD: '4111 1111 1111 1111',
    US_SSN: '536-22-8726',
    CN_RESIDENT_ID: '11010519491231002X',
    PHONE_NUMBER: '13800138000',
    EMAIL_ADDRESS: 'ada.lovelace@example.org',
    IP_ADDRESS: '93.184.216.34',
    SECRET_PRIVATE_KEY: `${pem('BEGIN')}\n${'MIIEowIBAAKCAQEA7vq9'
        .repeat(3)}\n${pem('END')}`,
    SECRET_OPENAI_KEY: ['sk-', 'aB3dE5gH7jK9mN1pQ3sT', 'T3Blbk', 'FJ',
        'uV5xY7zA9bC1dE3fG5hJ'].join(''),
    SECRET_AWS_KEY_ID: ['AK', 'IA', 'Q3EGRUXV5ZN2LHKB'].join(''),
    SECRET_GITHUB_TOKEN: ['gh', 'p_', 'k3J9dLq8ZxW2nV7bT5mR1sY6uH4gF0cPaE2i']
        .join(''),
};

/** Its letters and digits alone, the form in which a leak is looked for. */
export const bare = (text) => text.replace(/[^\p{L}\p{N}]/gu, '');
