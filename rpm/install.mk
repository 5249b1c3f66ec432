# make install: where the module, its configuration, the console, the tool and the manual go.
# SPDX-License-Identifier: Apache-2.0
#
# Debian's httpd keeps modules and snippets apart in *-available folders; the
# others read every file of conf.modules.d and conf.d. The spec gives the folders
# by name. Nothing that is installed turns the gateway on.

DESTDIR ?=
PREFIX  ?= /usr
BIN_DIR ?= $(PREFIX)/bin
DATA_DIR ?= $(PREFIX)/share/mod_chatgpt
DOC_DIR ?= $(PREFIX)/share/doc/mod_chatgpt
STATE_DIR ?= /var/lib/mod_chatgpt
MODULE_DIR ?= $(shell $(APXS) -q LIBEXECDIR 2>/dev/null)
HTTPD_CONF ?= $(shell $(APXS) -q SYSCONFDIR 2>/dev/null)

ifneq ($(wildcard /etc/debian_version),)
LOAD_FILE ?= $(HTTPD_CONF)/mods-available/chatgpt.load
CONF_FILE ?= $(HTTPD_CONF)/conf-available/chatgpt.conf
else
LOAD_FILE ?= $(HTTPD_CONF)/conf.modules.d/10-chatgpt.conf
CONF_FILE ?= $(HTTPD_CONF)/conf.d/chatgpt.conf
endif
MODULE_WORD ?= $(MODULE_DIR)/mod_chatgpt.so

put = install -D -m $(1)

install: all ## module, configuration, console, tool and manual below DESTDIR
	$(call put,755) $(BUILD)/mod_chatgpt.so $(DESTDIR)$(MODULE_DIR)/mod_chatgpt.so
	$(call put,755) $(BUILD)/chatgptctl $(DESTDIR)$(BIN_DIR)/chatgptctl
	$(call put,644) conf/chatgpt.conf $(DESTDIR)$(CONF_FILE)
	$(call put,644) rpm/10-chatgpt.conf $(DESTDIR)$(LOAD_FILE)
	sed -i 's,modules/mod_chatgpt.so,$(MODULE_WORD),' $(DESTDIR)$(LOAD_FILE)
	install -d $(DESTDIR)$(DATA_DIR) $(DESTDIR)$(DOC_DIR)/manual $(DESTDIR)$(DOC_DIR)/examples
	cp -R $(BUILD)/console $(DESTDIR)$(DATA_DIR)/
	chmod -R u=rwX,go=rX $(DESTDIR)$(DATA_DIR)
	install -m 644 conf/models.json $(DESTDIR)$(DATA_DIR)/
	install -d $(DESTDIR)$(DATA_DIR)/rules $(DESTDIR)$(DATA_DIR)/tokens
	install -m 644 $(TOKENS) $(DESTDIR)$(DATA_DIR)/tokens/
	install -m 644 conf/rules/*.rules $(DESTDIR)$(DATA_DIR)/rules/
	install -m 644 docs/manual/*.md $(DESTDIR)$(DOC_DIR)/manual/
	install -m 644 conf/minimal.conf conf/examples/*.conf $(DESTDIR)$(DOC_DIR)/examples/
	install -m 644 README.md CHANGES LICENSE docs/operations.md $(DESTDIR)$(DOC_DIR)/
	install -d -m 700 $(DESTDIR)$(STATE_DIR)/journal
