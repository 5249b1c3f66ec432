/* How the store is reached: the url, who we are, and TLS.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files; others read it with cg_store_access_read.
 */
#ifndef CG_STORE_ACCESS_H
#define CG_STORE_ACCESS_H

#include "store/store.h"
#include "store/tls.h"
#include "store/url.h"

/* lives in: configuration pool · const once read */
struct cg_store_access_t {
    cg_store_url_t url; /* with user= and password= of the words */
    const char *sentinel_user;
    const cg_secret_t *sentinel_password;
    const cg_tls_t *tls; /* NULL: plain */
};

#endif
