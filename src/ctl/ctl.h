/* The commands of chatgptctl, one function each: argv[0] is the command's name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each returns the exit status. Output is JSON lines on standard output, words for
 * people on standard error.
 */
#ifndef CG_CTL_CTL_H
#define CG_CTL_CTL_H

enum { CG_CTL_DONE = 0, CG_CTL_NO = 1, CG_CTL_USAGE = 2 };

int cg_ctl_credential(int argc, char **argv);
int cg_ctl_key(int argc, char **argv);
int cg_ctl_policy(int argc, char **argv);
int cg_ctl_rules(int argc, char **argv);
int cg_ctl_scan(int argc, char **argv);
int cg_ctl_seal(int argc, char **argv);
int cg_ctl_signkey(int argc, char **argv);
int cg_ctl_token(int argc, char **argv);
int cg_ctl_tokens(int argc, char **argv);

#endif
