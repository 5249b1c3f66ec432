/* The scripts in a real Redis, on a clock of the test's own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "simulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#define HOLDS "cg:{cg}:holds"

static void set_clock(cg_script_t *script, apr_pool_t *pool)
{
    static const char clock_line[] = "local time = call('TIME')\n"
                                     "return time[1] * 1000000 + time[2]\n";
    const char *lua = script->source;
    const char *at = strstr(lua, clock_line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    cg_script_init(script, script->name,
                   apr_pstrcat(pool,
                               apr_pstrmemdup(pool, lua, (size_t)(at - lua)),
                               "return tonumber(call('GET', 'sim:clock'))\n",
                               at + sizeof clock_line - 1, NULL));
}

sim_t *sim_open(const char *limit)
{
    sim_t *sim = calloc(1, sizeof *sim);
    cg_error_t err = {.text = ""};
    apr_pool_create(&sim->pool, NULL);
    apr_pool_create(&sim->scratch, sim->pool);
    sim->store = redis_fixture_store(redis_fixture_shared(), sim->pool);
    cg_scripts_init(&sim->scripts, sim->pool);
    set_clock(&sim->scripts.admit, sim->pool);
    set_clock(&sim->scripts.settle, sim->pool);
    sim->limit.dimension = CG_DIMENSION_KEY;
    CU_ASSERT_FATAL(cg_limit_parse(cg_str(limit), &sim->limit, &err));
    return sim;
}

void sim_close(sim_t *sim)
{
    apr_pool_destroy(sim->pool);
    free(sim);
}

static cg_str_t text_of(const sim_t *sim, int64_t value)
{
    return cg_str(apr_psprintf(sim->scratch, "%" APR_INT64_T_FMT, value));
}

static cg_str_t hold_of(const sim_t *sim, int serial)
{
    return cg_str(apr_psprintf(sim->scratch, "cg:{cg}:hold:%d", serial));
}

/* The clock is set and the script run in one round trip. */
static cg_reply_t run(sim_t *sim, int64_t at, const cg_script_t *script,
                      const cg_str_t *keys, size_t keys_count,
                      const cg_str_t *args, size_t args_count)
{
    cg_error_t err = {.text = ""};
    cg_reply_t reply;
    cg_str_t set[] = {CG_STR("SET"), CG_STR("sim:clock"), text_of(sim, at)};
    apr_status_t rv =
        cg_store_call(sim->store, set, 3, &reply, &err, sim->scratch);
    if (rv == APR_SUCCESS) {
        rv = cg_store_script(sim->store, script, keys, keys_count, args,
                             args_count, &reply, &err, sim->scratch);
    }
    if (rv != APR_SUCCESS || reply.kind == CG_REPLY_ERROR) {
        fprintf(stderr, "%s\n", reply.text.ptr ? reply.text.ptr : err.text);
        CU_FAIL_FATAL("the script fails");
    }
    return reply;
}

sim_answer_t sim_ask(sim_t *sim, int64_t at, int64_t cost, int64_t least,
                     int64_t hold_for)
{
    cg_plan_t plan;
    unsigned char packed[CG_PLAN_ASK_BYTES];
    cg_quota_ask_t ask = {.limit = &sim->limit,
                          .subject = CG_STR("sim"),
                          .cost = cost,
                          .floor = least};
    apr_pool_clear(sim->scratch);
    cg_plan_make(&plan, CG_STR(""), &ask, 1, at, NULL, sim->scratch);
    cg_plan_pack_counter(packed, &plan.counters[0]);
    cg_str_t keys[] = {hold_of(sim, sim->serial++), plan.counters[0].key,
                       CG_STR(HOLDS)};
    cg_str_t args[] = {{(const char *)packed, sizeof packed},
                       text_of(sim, hold_for),
                       text_of(sim, 2 * hold_for)};
    cg_reply_t reply = run(sim, at, &sim->scripts.admit, keys, 3, args, 3);
    CU_ASSERT_EQUAL_FATAL(reply.count, 8);
    return (sim_answer_t){.is_admitted = reply.items[0].number == 1,
                          .wait_for = reply.items[2].number,
                          .remaining = reply.items[3].number,
                          .held = reply.items[4].number,
                          .reset_for = reply.items[5].number,
                          .passed = reply.items[6].number,
                          .slices = reply.items[7].number};
}

void sim_settle(sim_t *sim, int64_t at, int serial, int64_t real)
{
    unsigned char packed[22] = {1};
    unsigned char *to = packed + 1;
    apr_pool_clear(sim->scratch);
    to = cg_plan_pack(to, 0, 7);
    to = cg_plan_pack(to, real, 7);
    cg_plan_pack(to, real, 7);
    cg_str_t keys[] = {hold_of(sim, serial), CG_STR(HOLDS)};
    cg_str_t arg = {(const char *)packed, sizeof packed};
    run(sim, at, &sim->scripts.settle, keys, 2, &arg, 1);
}

sim_event_t *sim_note(sim_t *sim, int64_t at, int64_t cost, int64_t least)
{
    CU_ASSERT_FATAL(sim->count < SIM_EVENTS);
    sim_event_t *event = &sim->events[sim->count++];
    *event = (sim_event_t){.at = at,
                           .cost = cost,
                           .least = least,
                           .real = cost,
                           .is_open = true,
                           .serial = sim->serial - 1};
    return event;
}

int64_t sim_most_in(const sim_t *sim, int64_t window_for)
{
    int64_t most = 0, sum = 0;
    int first = 0;
    for (int i = 0; i < sim->count; i++) {
        sum += sim->events[i].real;
        while (sim->events[first].at < sim->events[i].at - window_for) {
            sum -= sim->events[first++].real;
        }
        most = sum > most ? sum : most;
    }
    return most;
}
