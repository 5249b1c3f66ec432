// LDAP: users, teams and roles of a directory, for callers and for operators.
// SPDX-License-Identifier: Apache-2.0
//
// A slapd of the test's own; make test installs the program.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync }
    from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';
import { freePort, send } from './wire.mjs';

const modules = execFileSync('apxs', ['-q', 'LIBEXECDIR'],
    { encoding: 'utf8' }).trim();
const SLAPD = '/usr/sbin/slapd';
for (const one of [SLAPD, '/usr/lib/ldap/back_mdb.so',
    `${modules}/mod_authnz_ldap.so`])
    assert.ok(existsSync(one), `${one} is missing: install slapd, as make test does`);

const folder = mkdtempSync(path.join(tmpdir(), 'cg-ldap-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name) => path.join(folder, name);
const BASE = 'dc=example,dc=org';
const person = (name, team) => [`dn: uid=${name},${BASE}`,
    'objectClass: inetOrgPerson', `uid: ${name}`, `cn: ${name}`, 'sn: x',
    `departmentNumber: ${team}`, `userPassword: pw-${name}`, ''];
const group = (name, member) => [`dn: cn=${name},${BASE}`,
    'objectClass: groupOfNames', `cn: ${name}`,
    `member: uid=${member},${BASE}`, ''];

let slapd;
const port = await freePort();

before(async () => {
    mkdirSync(file('data'));
    writeFileSync(file('slapd.conf'), [...['core', 'cosine', 'inetorgperson']
        .map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap', 'moduleload back_mdb', 'database mdb',
    'maxsize 10485760', `suffix "${BASE}"`, `directory ${file('data')}`,
    ''].join('\n'));
    writeFileSync(file('data.ldif'), [`dn: ${BASE}`, 'objectClass: dcObject',
        'objectClass: organization', 'dc: example', 'o: Example', '',
        ...person('mary', 'red'), ...person('jane', 'blue'),
        ...person('omar', 'green'), ...group('gateway admins', 'mary'),
        ...group('auditors', 'jane')].join('\n'));
    execFileSync('/usr/sbin/slapadd', ['-f', file('slapd.conf'), '-l',
        file('data.ldif')], { stdio: 'ignore' });
    slapd = spawn(SLAPD, ['-d', '0', '-f', file('slapd.conf'), '-h',
        `ldap://127.0.0.1:${port}/`], { stdio: 'ignore' });
    await until(() => new Promise((done) => {
        const probe = net.connect(port, '127.0.0.1', () => {
            probe.destroy();
            done(true);
        });
        probe.on('error', () => done(false));
    }), { what: 'slapd' });
});
after(() => slapd?.kill('SIGTERM'));

const load = ['ldap', 'authnz_ldap'].flatMap((name) => [
    `<IfModule !${name}_module>`,
    `LoadModule ${name}_module "${modules}/mod_${name}.so"`, '</IfModule>']);
const ldap = ['AuthType Basic', 'AuthName directory', 'AuthBasicProvider ldap',
    `AuthLDAPURL "ldap://127.0.0.1:${port}/${BASE}?uid,departmentNumber`
        + '?sub?(objectClass=inetOrgPerson)"'];
const gw = useGateway({ server: [...load,
    `ChatGPTRole admin ldap-group cn=gateway admins,${BASE}`,
    'ChatGPTRole compliance chatgpt-role auditor',
    '<Location "/ldap/v1">', 'ChatGPTEngine on', ...ldap,
    'Require valid-user',
    'ChatGPTIdentity team "%{reqenv:AUTHENTICATE_DEPARTMENTNUMBER}"',
    '</Location>', '<Location "/red/v1">', 'ChatGPTEngine on', ...ldap,
    'ChatGPTIdentity team "%{reqenv:AUTHENTICATE_DEPARTMENTNUMBER}"',
    '<RequireAny>', 'Require chatgpt-team red',
    `Require ldap-group cn=auditors,${BASE}`, '</RequireAny>', '</Location>',
    '<Location "/other/api">', 'SetHandler chatgpt-console', ...ldap,
    'Require valid-user', 'ChatGPTIdentity role auditor '
        + '"expr=%{reqenv:AUTHENTICATE_DEPARTMENTNUMBER} == \'blue\'"',
    '</Location>'] }, () => gw.expectLog('AH01617', 'AH01631', 'AH01695', 'AH01664',
    /\[ssl:/, /AH01618/));

const sign = (name, password = `pw-${name}`) => ({ authorization: `Basic ${
    Buffer.from(`${name}:${password}`).toString('base64')}` });
const ask = (at, headers) => send(`http://127.0.0.1:${gw.port}/${at
}/v1/chat/completions`, { headers: gw.headers(headers),
    body: JSON.stringify({ model: MODEL,
        messages: [{ role: 'user', content: 'hi' }] }) });
const console_ = (name) => send(`http://127.0.0.1:${gw.port
}/other/api/v1/session`, { method: 'GET', headers: sign(name) });

test('a user of the directory, with its department for a team',
    async () => {
        const got = await ask('ldap', sign('mary'));
        assert.equal(got.status, 200, got.text);
        const record = await gw.record(got.headers['x-request-id']);
        assert.deepEqual([record.user, record.team], ['mary', 'red']);
        assert.equal((await ask('ldap', sign('mary', 'wrong'))).status, 401);
        assert.equal((await ask('ldap', sign('nobody'))).status, 401);
    });

test('teams of ours and groups of LDAP compose', async () => {
    assert.equal((await ask('red', sign('mary'))).status, 200);
    assert.equal((await ask('red', sign('jane'))).status, 200);
    const got = await ask('red', sign('omar'));
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error.code, 'permission_denied');
});

test('roles of the console come from LDAP groups and attributes',
    async () => {
        const roles = async (name) => (await console_(name)).json.roles;
        assert.deepEqual(await roles('mary'), ['admin']);
        assert.deepEqual(await roles('jane'), ['compliance']);
        assert.equal((await console_('omar')).status, 403);
    });
