// The chats that are sent: English business prose with now and then something
// that has to be masked, as a user would paste it.
// SPDX-License-Identifier: Apache-2.0

/** Sizes and prices of the models that upstream.c knows. */
export const MODELS = { models: ['bench-1k', 'bench-16k', 'bench-256k', 'bench-fail', 'bench-cut']
    .map((id) => ({ id, input: 0.15, output: 0.6, max_output: 4096 })) };

const SENTENCES = [
    'Please look at the notes of the meeting below and write a short summary for the board.',
    'The supplier in the northern region has asked for another two weeks.',
    'We agreed in March that the price per unit would not rise before the end of the year (see page 14).',
    'Demand was 12% above plan, while freight stayed level at 3.40 a unit.',
    'My colleague Anna (anna.berger@example.com) has the signed copy of the contract.',
    'If the second plant takes one shift, the first can be overhauled in week 32.',
    'Version 2.4.1 of the planning tool shows the same totals; it was checked on 2024-05-17.',
    'The order number is 4500018834 and the invoice was paid on time.',
    'What would you say to the customer, who is polite but losing patience?',
    'Call me at the office if the figures for April look wrong to you.',
    'The card on file, 4111 1111 1111 1111, has to be replaced before June.',
    'Keep it under two hundred words, in plain language, with the main risk first.',
    'The last audit found nothing of note, apart from three missing signatures.',
    'Our server 10.12.0.7 writes its log to the shared drive each night.',
];

/** A chat of about that many bytes, in turns of some hundred each. */
export function chat(model, bytes, more = {}) {
    const messages = [{ role: 'system', content: 'You are a careful assistant.' }];
    const size = () => Buffer.byteLength(JSON.stringify({ model, messages, ...more }));
    const turn = Math.max(600, Math.floor(bytes / 40));
    for (let left = bytes - size(), i = 0; left > 60; left = bytes - size()) {
        let content = '';
        while (content.length < Math.min(turn, left - 40))
            content += `${content ? ' ' : ''}${SENTENCES[i++ % SENTENCES.length]}`;
        messages.push({ role: messages.length % 2 ? 'user' : 'assistant',
            content: content.slice(0, left - 40) });
    }
    return JSON.stringify({ model, messages, ...more });
}

/** A keyword list as an administrator might write one: project names. */
export function keywords() {
    const first = ['blue', 'iron', 'silent', 'north', 'glass', 'amber', 'winter', 'copper',
        'hidden', 'last'];
    const second = ['falcon', 'harbour', 'lantern', 'meadow', 'summit', 'anchor', 'orchard',
        'bridge', 'compass', 'island'];
    return first.flatMap((one) => second.map((two) => `${one} ${two}`));
}
