/* Is the check digit right? Pure functions over characters.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every function takes ASCII characters without separators, upper case where
 * letters occur, and the exact length the number has.
 */
#ifndef CG_REDACT_CHECK_H
#define CG_REDACT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

bool cg_check_luhn(const char *d, int len); /* ISO/IEC 7812-1 annex B */
bool cg_check_card(const char *d, int len); /* 12-19: first digits, Luhn */
int cg_iban_length(const char *s);          /* of a country; 0: none */
/* Has a card of these first digits its usual length? Maestro's may have any; of
 * air travel cards (1…) there are few. */
bool cg_card_is_usual(const char *d, int len);
bool cg_check_iban(const char *s, int len); /* ISO 13616: length, mod 97 */
/* First two digits of a region code (GB/T 2260); 91 stands for foreigners. */
bool cg_is_cn_province(const char *two);
bool cg_check_cn_id(const char *s);           /* 18, GB 11643-1999 */
bool cg_check_cn_uscc(const char *s);         /* 18, GB 32100-2015 */
bool cg_check_hk_id(const char *s, int len);  /* 8 or 9 */
bool cg_check_us_ssn(const char *d);          /* 9 */
bool cg_check_us_itin(const char *d);         /* 9 */
bool cg_check_uk_nino(const char *s);         /* 9 */
bool cg_check_kr_rrn(const char *d);          /* 13: date, century */
bool cg_check_sg_nric(const char *s);         /* 9 */
bool cg_check_fr_nir(const char *s);          /* 15 */
bool cg_check_es_nif(const char *s);          /* 9: 8 digits and a letter */
bool cg_check_es_nie(const char *s);          /* 9: X, Y or Z first */
bool cg_check_it_fiscal(const char *s);       /* 16 */
bool cg_check_fi_hetu(const char *s);         /* 11 */
bool cg_check_br_cpf(const char *d);          /* 11 */
bool cg_check_br_cnpj(const char *d);         /* 14 */
bool cg_check_in_gstin(const char *s);        /* 15 */
bool cg_check_tw_id(const char *s);           /* 10 */
bool cg_check_uk_nhs(const char *d);          /* 10 */
bool cg_check_au_tfn(const char *d, int len); /* 8 or 9 */
bool cg_check_au_abn(const char *d);          /* 11 */
bool cg_check_au_medicare(const char *d, int len);     /* 10 or 11 */
bool cg_check_ca_sin(const char *d);                   /* 9 */
bool cg_check_us_npi(const char *d);                   /* 10 */
bool cg_check_us_mbi(const char *s);                   /* 11 */
bool cg_check_us_dea(const char *s);                   /* 9 */
bool cg_check_aba(const char *d);                      /* 9 */
bool cg_check_aadhaar(const char *d);                  /* 12 */
bool cg_check_in_pan(const char *s);                   /* 10 */
bool cg_check_jp_my_number(const char *d);             /* 12 */
bool cg_check_pl_pesel(const char *d);                 /* 11 */
bool cg_check_nl_bsn(const char *d);                   /* 9 */
bool cg_check_tr_id(const char *d);                    /* 11 */
bool cg_check_th_id(const char *d);                    /* 13 */
bool cg_check_de_tax_id(const char *d);                /* 11 */
bool cg_check_za_id(const char *d);                    /* 13 */
bool cg_check_se_personnummer(const char *d, int len); /* 10 or 12 */
bool cg_check_kr_brn(const char *d);                   /* 10 */
bool cg_check_base58(const char *s, size_t len);       /* Bitcoin address */
bool cg_check_bech32(const char *s, size_t len);       /* BIP 173 and 350 */

/* Is a value, separators and all, a sound one of this type? For types without
 * a check function false. */
bool cg_check_value(int type, cg_str_t value);

#endif
