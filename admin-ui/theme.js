/* Light or dark, decided before the first paint: canvas axes and first frames keep the colours they were born with.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A classic script on purpose (a module would run after the first paint). It leaves one thing behind: data-theme on
 * the root element, "light" or "dark", and the event "themechange" on the window whenever that changes. Paper is
 * always light. What the operator chose is kept under chatgpt.theme; "auto" follows the system.
 */
(function () {
    'use strict';

    var system = matchMedia('(prefers-color-scheme: dark)');
    var isPrinting = false;

    function chosen() {
        try {
            return localStorage.getItem('chatgpt.theme') || 'auto';
        } catch (away) {
            return 'auto'; /* storage switched off: the system decides */
        }
    }

    function apply() {
        var choice = chosen();
        var theme = choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice;
        if (isPrinting) theme = 'light';
        if (document.documentElement.dataset.theme === theme) return;
        document.documentElement.dataset.theme = theme;
        dispatchEvent(new Event('themechange'));
    }

    system.addEventListener('change', apply);
    addEventListener('storage', apply); /* another window of the console changed it */
    addEventListener('themechoice', apply); /* this one did */
    addEventListener('beforeprint', function () { isPrinting = true; apply(); });
    addEventListener('afterprint', function () { isPrinting = false; apply(); });
    apply();
})();
