# Builds, runs, tests, installs and packages mod_chatgpt; `make help` lists the targets.
# SPDX-License-Identifier: Apache-2.0
#
# Not recursive but in one respect: targets that may have to install packages
# first (run, test, bench …) call make again, so that what pkg-config and apxs
# say is asked after their installation. Everything made stands in build/.

VERSION := $(shell sed -n 's/.*CG_VERSION "\(.*\)".*/\1/p' src/httpd/httpd_int.h)
BUILD   := build
GEN     := $(BUILD)/gen
ROOMS   := base token store chat redact policy meter auth quota route audit alert flow admin

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(shell nproc)
endif
# Programs that call make themselves begin a make of their own.
APART := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
.DELETE_ON_ERROR:
.SUFFIXES:
Q := $(if $(V),,@)# make V=1 shows the commands

# -- sources ----------------------------------------------------------------

LIB_SRC   := $(wildcard $(ROOMS:%=src/%/*.c))
MOD_SRC   := mod_chatgpt.c $(wildcard src/httpd/*.c)
CTL_SRC   := $(wildcard src/ctl/*.c)
LUA       := $(wildcard src/*/*.lua)
UNIT_SRC  := $(wildcard tests/unit/*.c tests/unit/*/*.c)
SUITES    := $(wildcard tests/unit/*/test_*.c)
FUZZERS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH     := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
NPM_TOKENS := conf/tokens/node_modules/tiktoken/encoders
TOKENS    := $(patsubst %,$(BUILD)/tokens/%.tokens,cl100k_base o200k_base)
GENERATED := $(patsubst %.lua,$(GEN)/%_lua.h,$(notdir $(LUA)))
CONSOLE   := $(shell find admin-ui -name node_modules -prune -o -type f -print)

# -- tools and flags --------------------------------------------------------

CC       ?= cc
CLANG    ?= clang
PKG      := jansson hiredis libhs libcurl libssl libcrypto libjwt
LIBJWT   := $(firstword $(subst ., ,$(shell pkg-config --modversion libjwt 2>/dev/null)))# its first number
APXS     := $(firstword $(shell command -v apxs apxs2) apxs)
HTTPD_H  := -isystem $(shell $(APXS) -q INCLUDEDIR 2>/dev/null)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
            -Wpointer-arith -Wvla -Wformat=2 -Wundef -Werror
INCLUDES := -Isrc -I. -I$(BUILD) -I$(GEN) -Itests/unit \
            $(patsubst -I%,-isystem %,$(shell apr-1-config --cppflags --includes 2>/dev/null)) \
            $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKG) 2>/dev/null))
CFLAGS   ?= -O2 -g
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2
FLAGS    := -std=gnu11 $(WARN) -fvisibility=hidden -fPIC $(INCLUDES) $(LIBJWT:%=-DCG_LIBJWT=%)
ASAN     := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LIBS     := $(shell pkg-config --libs $(PKG) 2>/dev/null) -lm
APR      := $(shell apu-1-config --link-ld 2>/dev/null) $(shell apr-1-config --link-ld 2>/dev/null) -lpthread
LINK     := -Wl,-z,relro,-z,now -Wl,--as-needed

objects   = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))
LIB_ASAN := $(call objects,obj-asan,$(LIB_SRC))
LIB_FUZZ := $(call objects,obj-fuzz,$(LIB_SRC))

# -- building ---------------------------------------------------------------

all: $(BUILD)/mod_chatgpt.so $(BUILD)/chatgptctl $(BUILD)/console/index.html $(TOKENS) ## module, tool and console (after make deps)

$(BUILD)/libchatgpt.a: $(call objects,obj,$(LIB_SRC))
	@rm -f $@ && echo "AR $@"
	@$(AR) rcs $@ $^

$(BUILD)/mod_chatgpt.so: $(call objects,obj,$(MOD_SRC)) $(BUILD)/libchatgpt.a
	@echo "LD $@"
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(LIBS)

$(BUILD)/chatgptctl: $(call objects,obj,$(CTL_SRC)) $(BUILD)/libchatgpt.a
	@echo "LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(LINK) -o $@ $^ $(LIBS) $(APR)

$(BUILD)/console/index.html: $(CONSOLE)
	@rm -rf $(@D)
	@sh admin-ui/build.sh $(@D)

# The vocabularies, from their npm package, whose ranks must have the published digest.
$(BUILD)/convert: conf/tokens/convert.c $(call objects,obj,$(wildcard src/token/*.c src/base/*.c))
	@echo "LD $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/tokens/%.tokens: $(BUILD)/convert $(NPM_TOKENS)/%.json
	@mkdir -p $(@D) && echo "MAKE $@"
	@$(BUILD)/convert $* $(NPM_TOKENS)/$*.json $@
$(NPM_TOKENS)/%.json:
	@echo "$@ is missing: run make deps" >&2; exit 1

# Floors 1 to 4 are compiled without httpd's headers in reach. The record of the
# module is the one symbol that httpd has to see.
HTTPD_OBJ := $(call objects,obj,$(MOD_SRC))
$(HTTPD_OBJ): HTTPD := $(HTTPD_H)
$(BUILD)/obj/mod_chatgpt.o: HTTPD += -fvisibility=default

$(BUILD)/obj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(HTTPD) $(HARDEN) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj-asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(ASAN) $(EXTRA) -MMD -MP -c -o $@ $<
$(BUILD)/obj-fuzz/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CLANG) $(FLAGS) $(FUZZ) -MMD -MP -c -o $@ $<

vpath %.lua $(sort $(dir $(LUA)))
$(GEN)/%_lua.h: %.lua src/quota/embed.sh $(LUA)
	@mkdir -p $(@D)
	@sh src/quota/embed.sh $< > $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# -- running ----------------------------------------------------------------

deps: ## install what is missing: Debian packages, npm packages of the lock files
	@sh conf/quickstart/packages.sh
run: deps ## serve on 127.0.0.1: variables in README.md
	@$(MAKE) -s all
	@exec node conf/quickstart/run.mjs

# -- testing ----------------------------------------------------------------

# What only tests want: identities of other modules. A machine that serves needs none.
test: ## everything that must be green
	@sh conf/quickstart/packages.sh slapd libapache2-mod-auth-openidc
	@$(APART) sh tests/run.sh
guard: $(BUILD)/mod_chatgpt.so ## the walls of the house
	@sh tests/guard/run.sh

$(GEN)/suites.h: $(SUITES)
	@mkdir -p $(@D)
	@sed -n 's/^CU_TestInfo test_\([a-z0-9]*\)_\([a-z0-9_]*\)\[\].*/CG_SUITE(\1, \2)/p' $(sort $^) > $@
$(BUILD)/obj-asan/tests/unit/main.o: $(GEN)/suites.h
$(BUILD)/unit: $(call objects,obj-asan,$(UNIT_SRC) $(filter-out src/ctl/main.c,$(CTL_SRC))) $(LIB_ASAN)
	@echo "LD $@"
	$(Q)$(CC) $(ASAN) -o $@ $^ -lcunit $(LIBS) $(APR)
unit: $(BUILD)/unit $(TOKENS) ## unit tests under ASan and UBSan; SUITE="base_text …" runs a part
	@CG_ROOT=$(CURDIR) CG_TOKENS=$(BUILD)/tokens CG_CORPORA=$${CG_CORPORA:-$(wildcard ../shared/corpora)} sh tests/unit/run.sh $(BUILD)/unit $(SUITE)

$(BUILD)/obj-asan/tests/fuzz/%.o: EXTRA := -DCG_FUZZ_REPLAY
$(BUILD)/replay/%: $(BUILD)/obj-asan/tests/fuzz/fuzz_%.o $(LIB_ASAN)
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ASAN) -o $@ $^ $(LIBS) $(APR)
replay: $(FUZZERS:%=$(BUILD)/replay/%) $(TOKENS) ## the corpora of the fuzz targets, under ASan and UBSan
	@CG_TOKENS=$(BUILD)/tokens sh tests/fuzz/replay.sh $(BUILD)/replay $(FUZZERS)

$(BUILD)/fuzz/%: $(BUILD)/obj-fuzz/tests/fuzz/fuzz_%.o $(LIB_FUZZ)
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CLANG) $(FUZZ) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(APR)
FUZZ_SECONDS ?= 60
fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%) $(TOKENS)
fuzz: ## libFuzzer, FUZZ_SECONDS (60) for each target
	@sh conf/quickstart/packages.sh clang
	@$(MAKE) -s fuzzers
	@for name in $(FUZZERS); do mkdir -p $(BUILD)/fuzz/found-$$name && \
	    CG_TOKENS=$(BUILD)/tokens $(BUILD)/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    $(BUILD)/fuzz/found-$$name tests/fuzz/corpus/$$name || exit 1; done

http: all ## tests over HTTP: real httpd, Redis and clients
	@$(APART) node tests/http/run.mjs
ui: all ## tests of the console in Chromium
	@$(APART) node tests/ui/run.mjs
$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $<
$(BUILD)/bench/chat: tests/bench/chat.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/tokens: tests/bench/tokens.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/signatures: tests/bench/signatures.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/counts: tests/bench/counts.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/keys: tests/bench/keys.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/quota: tests/bench/quota.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR)
$(BUILD)/bench/redact: tests/bench/redact.c $(BUILD)/libchatgpt.a
	@mkdir -p $(@D) && echo "CC $@"
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LIBS) $(APR) $(shell pkg-config --libs libpcre2-8)
bench: deps ## CPU per request and throughput beside plain mod_proxy_http
	@$(MAKE) -s all $(BENCH)
	@$(APART) node tests/bench/run.mjs
soak: deps ## mixed load with failures: SOAK_FOR seconds (600)
	@$(MAKE) -s all $(BENCH)
	@$(APART) node tests/bench/soak.mjs
	@$(APART) PHANTOM_COUNT=10000 node --test tests/http/test_240_phantom_spend.mjs
	@CG_STORM=100000 $(MAKE) -s unit SUITE=quota_livestorm

# cppcheck 2.10 does not see what designated initialisers and out parameters set.
CPPCHECK_OFF := uninitvar legacyUninitvar unknownEvaluationOrder zerodivcond missingInclude
C_FILES = $(MOD_SRC) $(LIB_SRC) $(CTL_SRC) $(wildcard src/*/*.h)
lint: $(GENERATED) ## clang-format, clang-tidy and cppcheck
	@sh conf/quickstart/packages.sh clang clang-format clang-tidy cppcheck
	clang-format --dry-run --Werror $(C_FILES)
	clang-tidy --quiet --warnings-as-errors='*' $(LIB_SRC) $(CTL_SRC) -- $(filter-out -Werror,$(FLAGS))
	cppcheck --quiet --enable=warning,portability $(CPPCHECK_OFF:%=--suppress=%) --error-exitcode=1 -Isrc src
format: ## rewrite the C files in the house's form
	clang-format -i $(C_FILES)

# -- installing -------------------------------------------------------------

include rpm/install.mk

rpm: all ## build/rpm/RPMS/*/mod_chatgpt-*.rpm
	@sh rpm/build.sh $(VERSION)
dist: ## build/mod_chatgpt-VERSION.tar.gz
	@sh rpm/dist.sh $(VERSION)
clean: ## remove build/
	rm -rf $(BUILD)
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: all deps run test guard unit replay fuzzers fuzz http ui bench soak lint format install rpm dist clean help
.SECONDARY:
