// ChatGPTSealKey: where a master key may come from, and what stops the start.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const other = randomBytes(32).toString('hex');
process.env.CG_TEST_SEAL = other;
const gw = useGateway({ policy: [] });

/** Only root can give a file away; to others it is open instead, and as wrong. */
function put(name, text, mode, owner) {
    const file = path.join(gw.folder, name);
    writeFileSync(file, text, { mode });
    if (owner && process.getuid() === 0)
        chownSync(file, owner, owner);
    else if (owner)
        chmodSync(file, 0o644);
    return file;
}

test('files, the environment and programs are taken, several at a time', async () => {
    const script = put('give.sh', `#!/bin/sh\necho ${other.replace(/^./, '0')}\n`, 0o700);
    for (const words of [`file:${put('good.key', `# 2026\n${other}\n`, 0o400)}`,
        'env:CG_TEST_SEAL', `exec:${script}`,
        `env:CG_TEST_SEAL "exec:${script} with words"`]) {
        const said = await gw.configtest([`ChatGPTSealKey ${words}`]);
        assert.ok(said.ok, `${words}: ${said.words}`);
    }
});

test('what is wrong stops the start, names the directive and repeats no secret', async () => {
    const wrong = [
        [`file:${put('open.key', other, 0o644)}`, /chmod 0400/],
        [`file:${put('group.key', other, 0o640)}`, /chmod 0400/],
        [`file:${put('short.key', other.slice(2), 0o400)}`, /line 1/],
        [`file:${put('second.key', `${other}\n${other.slice(1)}\n`, 0o400)}`, /line 2/],
        ['file:/nonexistent/seal.key', /cannot read|nonexistent/],
        ['env:CG_TEST_NO_SUCH_NAME', /CG_TEST_NO_SUCH_NAME/],
        [`file:${put('foreign.key', other, 0o400, 65534)}`, /chown|chmod/],
        ['file:/dev/null', /is no file/],
        ['exec:/bin/true', /no master key/],
        [`exec:${put('exit3.sh', `#!/bin/sh\necho ${other}\nexit 3\n`, 0o700)}`, /status 3/],
        [`exec:${put('huge.sh', '#!/bin/sh\nexec head -c 1000000 /dev/zero\n', 0o700)}`, /64 KiB/],
        ['exec:/bin/false', /\/bin\/false/],
        ['exec:/nonexistent/program', /\/nonexistent\/program/],
        [other, /legal/],
        [`plain:${other}`, /legal/],
        [`"exec:/bin/false ${other}"`, /\/bin\/false/],
    ];
    for (const [words, expected] of wrong) {
        const said = await gw.configtest([`ChatGPTSealKey ${words}`]);
        assert.ok(!said.ok, words);
        assert.match(said.words, /ChatGPTSealKey/);
        assert.match(said.words, expected);
        assert.ok(!said.words.includes(other.slice(2)), 'the secret is repeated');
    }
});

test('it stands at server level, and a stored credential needs it', async () => {
    const said = await gw.configtest(['<Location "/x">', 'ChatGPTSealKey env:CG_TEST_SEAL',
        '</Location>']);
    assert.ok(!said.ok);
    const typed = await gw.configtest([`ChatGPTUpstream typed http://127.0.0.1:1/v1 ${other}`]);
    assert.ok(!typed.ok && !typed.words.includes(other), typed.words);
    const named = await gw.configtest(['ChatGPTUpstream a http://127.0.0.1:1/v1 stored:no/name']);
    assert.ok(!named.ok, named.words);
});

test('a server without a master key serves, says so where one is needed, and stores nothing',
    async () => {
        const conf = gw.ready.config;
        const { readFileSync } = await import('node:fs');
        const text = readFileSync(conf, 'utf8').replace(/^ChatGPTSealKey .*$/m, '');
        writeFileSync(conf, text);
        const plain = await gw.configtest();
        assert.ok(plain.ok, plain.words);
        const said = await gw.configtest(['ChatGPTUpstream a http://127.0.0.1:1/v1 stored:main']);
        assert.ok(!said.ok);
        assert.match(said.words, /ChatGPTSealKey is missing/);
    });
