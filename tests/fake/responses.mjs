// POST /v1/responses: the answer as one object, or as typed events.
// SPDX-License-Identifier: Apache-2.0

import { compose, deltasOf, identity, now } from './answers.mjs';

function usageOf(usage) {
    if (!usage || usage.input === undefined)
        return usage || null;
    return { input_tokens: usage.input,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: usage.output,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.input + usage.output };
}

function itemsOf(made) {
    if (made.calls.length)
        return made.calls.map((call) => ({ id: identity('fc'),
            type: 'function_call', status: 'completed', call_id: call.id,
            name: call.name, arguments: call.arguments }));
    return [{ id: identity('msg'), type: 'message', status: 'completed',
        role: 'assistant', content: [{ type: 'output_text', text: made.text,
            annotations: [], logprobs: [] }] }];
}

function responseOf(asked, made, output) {
    return { id: identity('resp'), object: 'response', created_at: now(),
        status: made.finish === 'length' ? 'incomplete' : 'completed',
        error: null, incomplete_details: made.finish === 'length'
            ? { reason: 'max_output_tokens' } : null,
        instructions: asked.instructions ?? null,
        max_output_tokens: asked.max_output_tokens ?? null,
        model: asked.model, output, parallel_tool_calls: true,
        previous_response_id: asked.previous_response_id ?? null,
        reasoning: { effort: null, summary: null }, store: false,
        temperature: asked.temperature ?? 1, text: { format: {
            type: 'text' } }, tool_choice: asked.tool_choice ?? 'auto',
        tools: asked.tools ?? [], top_p: 1, truncation: 'disabled',
        usage: usageOf(made.usage), user: null, metadata: {} };
}

/** Frames number themselves, as the API's do. */
function framer() {
    let sequence = 0;
    return (type, rest) => `event: ${type}\ndata: ${JSON.stringify({ type,
        sequence_number: sequence++, ...rest })}\n\n`;
}

function* messageEvents(event, item, index, plan) {
    const at = { item_id: item.id, output_index: index, content_index: 0 };
    const part = item.content[0];
    yield event('response.output_item.added', { output_index: index,
        item: { ...item, status: 'in_progress', content: [] } });
    yield event('response.content_part.added', { ...at,
        part: { ...part, text: '' } });
    for (const delta of deltasOf(part.text, plan))
        yield event('response.output_text.delta', { ...at, delta,
            logprobs: [] });
    yield event('response.output_text.done', { ...at, text: part.text,
        logprobs: [] });
    yield event('response.content_part.done', { ...at, part });
    yield event('response.output_item.done', { output_index: index, item });
}

function* callEvents(event, item, index, plan) {
    const at = { item_id: item.id, output_index: index };
    yield event('response.output_item.added', { output_index: index,
        item: { ...item, status: 'in_progress', arguments: '' } });
    for (const delta of deltasOf(item.arguments, { chunk: plan.chunk || 5 }))
        yield event('response.function_call_arguments.delta', { ...at,
            delta });
    yield event('response.function_call_arguments.done', { ...at,
        arguments: item.arguments, name: item.name });
    yield event('response.output_item.done', { output_index: index, item });
}

export function respond(asked, plan, talk) {
    const made = compose(asked, plan, talk);
    const output = itemsOf(made);
    const whole = responseOf(asked, made, output);
    if (!asked.stream)
        return { status: 200, body: whole };
    const event = framer();
    const begun = { ...whole, status: 'in_progress', output: [],
        usage: null };
    const events = [event('response.created', { response: begun }),
        event('response.in_progress', { response: begun })];
    output.forEach((item, index) => events.push(...(item.type === 'message'
        ? messageEvents : callEvents)(event, item, index, plan)));
    events.push(event(whole.status === 'completed' ? 'response.completed'
        : 'response.incomplete', { response: whole }));
    return { events };
}
