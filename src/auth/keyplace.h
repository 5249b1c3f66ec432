/* Where, when and for what may a key be used?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   endpoints  chat,embeddings           names of chat/endpoint.h
 *   addresses  10.0.0.0/8,2001:db8::/32  of the caller
 *   vhosts     api.example.com,*.test    of httpd; * stands for any characters
 *   hours      mon-fri 08:00-18:00; sat 09:00-12:00 Europe/Berlin
 *
 * An empty list allows everything. What cannot be judged (an entry edited by
 * hand, an address of no family, a zone this server does not know) allows
 * nothing.
 */
#ifndef CG_AUTH_KEYPLACE_H
#define CG_AUTH_KEYPLACE_H

#include "auth/apikey.h"
#include "chat/endpoint.h"

typedef enum cg_key_place_t {
    CG_KEY_PLACE_RIGHT,
    CG_KEY_PLACE_ADDRESS,
    CG_KEY_PLACE_VHOST,
    CG_KEY_PLACE_ENDPOINT,
    CG_KEY_PLACE_HOURS
} cg_key_place_t;

/* May the holder of key come from address (as text) to vhost for endpoint at
 * this moment? The first rule that says no, in the order above but that the
 * address comes first. CG_ENDPOINT_NONE is nobody's: it is answered with 404. */
cg_key_place_t cg_key_may_come(const cg_key_t *key, const char *address,
                               const char *vhost, cg_endpoint_t endpoint,
                               apr_time_t at);
/* The endpoint alone: lines of a batch ask for others than they come to. */
bool cg_key_may_ask(const cg_key_t *key, cg_endpoint_t endpoint);
/* For people; NULL for CG_KEY_PLACE_RIGHT. May be shown to the caller. */
const char *cg_key_place_words(cg_key_place_t place);

/* Are these legal? For people's input; err says what is. Empty is legal. */
bool cg_key_endpoints_check(const char *text, cg_error_t *err);
bool cg_key_addresses_check(const char *text, cg_error_t *err);
bool cg_key_vhosts_check(const char *text, cg_error_t *err);
bool cg_key_hours_check(const char *text, cg_error_t *err);
bool cg_key_tags_check(const char *text, cg_error_t *err);
/* Looks up the zone that key->hours names, once for all that judge by key. */
void cg_key_hours_prepare(cg_key_t *key, apr_time_t now);

bool cg_key_has_tag(const cg_key_t *key, cg_str_t tag);

#endif
