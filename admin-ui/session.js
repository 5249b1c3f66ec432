/* Who is signed in, and what they may. The server decides; this only spares people buttons that would be refused.
 * SPDX-License-Identifier: Apache-2.0
 */
import { createContext } from './vendor/preact.js';
import { useContext } from './vendor/hooks.js';

/* Deed → roles that may. admin may everything (as in src/admin/api.h). */
const RIGHTS = {
    look: ['viewer', 'compliance', 'approver', 'operator'],
    read_texts: ['compliance', 'approver'],
    export: ['compliance', 'approver'],
    scan: ['compliance', 'approver'],
    write_keys: ['operator'],
    write_policy: ['compliance', 'operator'],
    acknowledge: ['compliance', 'approver', 'operator'],
    try_limits: ['compliance', 'approver', 'operator'],
    decide_policy: ['approver'],
};

export const Session = createContext({ user: '', roles: [] });

export function may(session, deed) {
    return session.roles.includes('admin') || RIGHTS[deed].some((role) => session.roles.includes(role));
}

/* The roles that may do it, for the page that says "ask someone who is …". */
export function rolesFor(deed) {
    return [...RIGHTS[deed], 'admin'];
}

export function useMay(deed) {
    return may(useContext(Session), deed);
}
