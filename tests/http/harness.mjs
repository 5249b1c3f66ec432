// A gateway of the test file's own: started, spoken to, watched and stopped.
// SPDX-License-Identifier: Apache-2.0
//
//   const gw = useGateway({ policy: ['ChatGPTLimit key none'] });
//   test('…', async () => { const answer = await gw.chat('hello'); });
//
// Each test file runs `make run` (RUN.md) on ports and in a folder of its own,
// against a practice provider inside the test's process. At the end the file
// fails if the error log holds a line of level warn or worse that no test
// announced with gw.expectLog(tag).

import { after, before } from 'node:test';

import { EMBEDDER, Gateway, MODEL } from './gateway.mjs';
import { START_MS, STOP_MS } from './launch.mjs';
import { sleep, until } from './wire.mjs';

/**
 * Starts a gateway before the file's tests and stops it after them. What a
 * file needs besides (keys, clients) it makes in `prepare`.
 */
export function useGateway(options = {}, prepare = () => {}) {
    const gw = new Gateway(options);
    before(async () => {
        await gw.start();
        await prepare(gw);
    }, { timeout: START_MS + 20000 });
    after(() => gw.stop(), { timeout: STOP_MS + 20000 });
    return gw;
}

export { EMBEDDER, MODEL, sleep, until };
