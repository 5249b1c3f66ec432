// A key may be used where, when and for what it says, and nowhere else.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EMBEDDER, sleep, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const gw = useGateway({ server: [
    'LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so',
    'RemoteIPHeader X-Forwarded-For', 'RemoteIPInternalProxy 127.0.0.1'] });

/** As if the caller came from that address. */
const from = (address) => ({ 'x-forwarded-for': address });

async function refused(got, words) {
    assert.equal(got.status, 403, got.text);
    assert.equal(got.error.type, 'permission_error');
    assert.equal(got.error.code, 'key_not_allowed_here');
    assert.match(got.error.message, words);
    assert.equal(gw.reached.length, 0);
}

test('addresses: networks of IPv4 and IPv6', async () => {
    const { key } = await gw.newKey({ name: 'net',
        addresses: ['10.0.0.0/8', '2001:db8::/32', '127.0.0.1'] });
    for (const address of ['10.1.2.3', '2001:db8::7', '::ffff:10.9.9.9', null])
        assert.equal((await gw.chat('hi', { key, headers: address
            ? from(address) : {} })).status, 200, address);
    gw.forget();
    for (const address of ['11.0.0.1', '2001:db9::1', '192.0.2.1'])
        await refused(await gw.chat('hi', { key, headers: from(address) }),
            /address/);
});

test('an address that the caller writes into a header does not count',
    async () => {
        const { key } = await gw.newKey({ name: 'liar',
            addresses: ['192.0.2.7'] });
        gw.forget();
        for (const name of ['x-real-ip', 'forwarded', 'x-client-ip',
            'x-chatgpt-address'])
            await refused(await gw.chat('hi', { key, headers:
                { [name]: '192.0.2.7' } }), /address/);
    });

test('endpoints: only those that are named', async () => {
    const { key } = await gw.newKey({ name: 'chatty',
        endpoints: ['chat', 'model*'] });
    assert.equal((await gw.chat('hi', { key })).status, 200);
    assert.equal((await gw.call('/models', { key })).status, 200);
    gw.forget();
    await refused(await gw.call('/embeddings', { key, body:
        { model: EMBEDDER, input: 'x' } }), /endpoint/);
    await refused(await gw.call('/files', { key }), /endpoint/);
    const unknown = await gw.call('/nothing', { key });
    assert.equal(unknown.status, 404);
});

test('a batch cannot ask for what the key may not', async () => {
    const { key } = await gw.newKey({ name: 'batcher',
        endpoints: ['chat', 'batch*', 'file*'] });
    gw.forget();
    await refused(await gw.call('/batches', { key, body: { input_file_id: 'f',
        endpoint: '/v1/embeddings', completion_window: '24h' } }), /endpoint/);
    const allowed = await gw.call('/batches', { key, body: { input_file_id: 'f',
        endpoint: '/v1/chat/completions', completion_window: '24h' } });
    assert.notEqual(allowed.error?.code, 'key_not_allowed_here');
});

test('vhosts: by the name of the server, not by what Host says', async () => {
    const { key } = await gw.newKey({ name: 'there',
        vhosts: ['api.example.com'] });
    gw.forget();
    await refused(await gw.chat('hi', { key, headers:
        { host: 'api.example.com' } }), /host/);
    const open = await gw.newKey({ name: 'anywhere', vhosts: ['*'] });
    assert.equal((await gw.chat('hi', { key: open.key })).status, 200);
});

test('hours: in the zone that is named', async () => {
    const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
    const now = new Date();
    const today = days[now.getUTCDay()];
    const other = days[(now.getUTCDay() + 3) % 7];
    const open = await gw.newKey({ name: 'day',
        hours: `${today} 00:00-24:00; ${days[(now.getUTCDay() + 1) % 7]
        } 00:00-24:00 UTC` });
    assert.equal((await gw.chat('hi', { key: open.key })).status, 200);
    const shut = await gw.newKey({ name: 'other day',
        hours: `${other} 00:00-24:00 Asia/Tokyo` });
    gw.forget();
    await refused(await gw.chat('hi', { key: shut.key }), /hour/);
});

test('a change of addresses is in force everywhere within a second',
    async () => {
        const made = await gw.newKey({ name: 'moved' });
        for (let i = 0; i < 8; i++)
            assert.equal((await gw.chat('hi', { key: made.key })).status, 200);
        const changed = await gw.admin('PATCH', `/keys/${made.id}`,
            { addresses: ['10.0.0.0/8'] }, { headers: { 'if-match': '"1"' } });
        assert.equal(changed.status, 200, changed.text);
        await sleep(900);
        gw.forget();
        for (let i = 0; i < 8; i++)
            await refused(await gw.chat('hi', { key: made.key }), /address/);
    });

test('the refusal is recorded with its key', async () => {
    const made = await gw.newKey({ name: 'noted', addresses: ['10.0.0.0/8'] });
    const got = await gw.chat('hi', { key: made.key });
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.reason, 'key_not_allowed_here');
    assert.equal(record.key_id, made.id);
});

test('who has not the secret does not learn where a key may be used',
    async () => {
        const made = await gw.newKey({ name: 'quiet',
            addresses: ['10.0.0.0/8'] });
        const other = await gw.newKey({ name: 'else' });
        const parts = made.key.split('_');
        const wrong = await gw.chat('hi', { key: `${parts[0]}_${parts[1]
        }_${other.key.slice(12)}` });
        assert.equal(wrong.status, 401);
        assert.equal(wrong.error.code, 'invalid_api_key');
    });

test('what is no place is refused with its member', async () => {
    for (const [member, value] of [['addresses', ['10.1.2.3/8']],
        ['addresses', ['example.com']], ['endpoints', ['chats']],
        ['vhosts', ['https://x']], ['hours', 'sometimes'],
        ['hours', '08:00-18:00 Nowhere/Land'], ['tags', ['a,b']]]) {
        const got = await gw.admin('POST', '/keys', { name: 'x',
            [member]: value });
        assert.equal(got.status, 400, `${member} ${value}`);
        assert.ok(got.json.errors.some((one) =>
            one.pointer.startsWith(`/${member}`)), got.text);
    }
});

test('chatgptctl takes the same options', async () => {
    const said = await gw.ctl(['key', 'create', '--name', 'tool', '--addresses',
        '192.0.2.0/24', '--endpoints', 'chat', '--hours', '00:00-24:00']);
    assert.equal(said.code, 0, said.stderr);
    gw.forget();
    await refused(await gw.chat('hi', { key: said.lines[0].key }), /address/);
    assert.equal((await send(`${gw.api}/chat/completions`, { headers:
        gw.headers(from('192.0.2.9'), said.lines[0].key), body: JSON.stringify({
        model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'x' }] }) }))
        .status, 200);
});
