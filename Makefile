# axscope: a terminal microscope for the concepts inside a language model.
# make, make run, make test; `make help` lists the rest. Needs GNU make and pkg-config.

NAME    := axscope
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
PREFIX  ?= /usr/local
PKGCONF ?= pkg-config
VARIANT ?= release
B       := build/$(VARIANT)
Q       := $(if $(V),,@)

# --- flags: one build folder per variant; users' CFLAGS and LDFLAGS are kept ---
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wundef -Wcast-qual
# nobody traps floating-point exceptions or reads errno: so a select may become vector code
OPT.release := -O3 -g -fno-trapping-math -fno-math-errno
OPT.debug   := -O0 -g3
OPT.asan    := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
OPT.tsan    := -O1 -g -fsanitize=thread
OPT.cov     := -O0 -g --coverage
OPT.fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT := $(or $(OPT.$(VARIANT)),$(error unknown VARIANT '$(VARIANT)')) $(if $(NATIVE),-march=native)
override CFLAGS  += -std=c11 -D_POSIX_C_SOURCE=200809L $(WARN) $(OPT) -MMD -MP -I.
override LDFLAGS += $(filter -fsanitize% --coverage,$(OPT))

# --- packages: each folder sees only its own ---
pc = $(shell $(PKGCONF) --$(1) $(2))
ifneq ($(filter-out clean help lint format,$(or $(MAKECMDGOALS),all)),)
MISSING := $(strip $(foreach p,ncursesw openblas libcjson libpcre2-8 zlib,\
             $(shell $(PKGCONF) --exists $(p) 2>/dev/null || echo $(p))))
ifneq ($(MISSING),)
$(error missing: $(MISSING). On Debian: apt install pkg-config libncurses-dev libopenblas-dev \
libcjson-dev libpcre2-dev zlib1g-dev check; other systems: see README.md)
endif
endif
CFLAGS.data   := $(call pc,cflags,libcjson libpcre2-8 zlib)
CFLAGS.core   := $(call pc,cflags,openblas)
CFLAGS.tui    := $(call pc,cflags,ncursesw) -D_DEFAULT_SOURCE
CFLAGS.assets :=
# gcc 12 for aarch64 fails on sums in order once it makes vectors of them
CFLAGS.tests  := $(call pc,cflags,check) -Wno-missing-prototypes -fno-tree-vectorize
LIBS.data  := $(call pc,libs,libcjson libpcre2-8 zlib) -lm
LIBS.core  := $(call pc,libs,openblas) $(LIBS.data) -lm -pthread
LIBS.tui   := $(call pc,libs,ncursesw) $(LIBS.core)
LIBS.check := $(call pc,libs,check)

# --- sources ---
src  = $(sort $(wildcard $(1)/*.c))
obj  = $(patsubst %.c,$(B)/%.o,$(1))
DATA := $(call obj,$(call src,data))
CORE := $(call obj,$(call src,core))
TUI  := $(call obj,$(filter-out tui/main.c tui/screen.c,$(call src,tui)))
# assets/demo holds programs (make_*.c and sample_*.c have a main) and what they share
DEMO_PROGRAMS := $(sort $(wildcard assets/demo/make_*.c assets/demo/sample_*.c))
DEMO := $(call obj,$(filter-out $(DEMO_PROGRAMS),$(call src,assets/demo)))
# an archive: a test program takes from it what it uses, so support may use what lies above data
SUPPORT := $(B)/libsupport.a

.DELETE_ON_ERROR:
.PHONY: all run test test-data test-core test-tui test-demo asan tsan coverage golden golden-gguf lint format fuzz \
        fuzz-all e2e random-model completions install uninstall clean help demo-model world-sample FORCE

all: $(B)/$(NAME) ## build the program (VARIANT=debug|asan|tsan|cov, V=1, NATIVE=1)
run: all ## build and start: make run ARGS="--model DIR"; without ARGS the bundled demo
	$(B)/$(NAME) $(ARGS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC   $@'
	$(Q)$(CC) $(CFLAGS) $(CFLAGS.$(firstword $(subst /, ,$<))) -c -o $@ $<
# clang takes minutes to instrument unrolled kernels for libFuzzer, and no target runs them
ifeq ($(VARIANT),fuzz)
$(B)/core/%_avx2.o $(B)/core/%_avx512.o: override CFLAGS := $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS))
endif
# only the file that prints the version depends on it
$(B)/tui/version.o: override CFLAGS += -DAXSCOPE_VERSION='"$(VERSION)"'
$(B)/version.txt: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(B)/tui/version.o: $(B)/version.txt
$(B)/libdata.a: $(DATA)
$(B)/libcore.a: $(CORE)
$(B)/libtui.a: $(TUI)
$(B)/libdemo.a: $(DEMO)
$(B)/libsupport.a: $(call obj,$(call src,tests/support))
$(B)/%.a:
	@echo '  AR   $@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/$(NAME): $(call obj,tui/main.c tui/screen.c) $(B)/libtui.a $(B)/libcore.a $(B)/libdata.a
	@echo '  LD   $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS.tui)

# --- the bundled demo: its maker is a program of its own ---
$(B)/%: $(B)/assets/demo/%.o $(B)/libdemo.a $(B)/libcore.a $(B)/libdata.a
	@echo '  LD   $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS.core)
demo-model: $(B)/make_demo ## rebuild the bundled model and dictionary from assets/demo/world (up to 60 minutes)
	OPENBLAS_NUM_THREADS=1 $(B)/make_demo --world assets/demo/world --out assets/demo
world-sample: $(B)/sample_world ## print random texts and statistics of the demo's world
	$(B)/sample_world assets/demo/world $(ARGS)

# --- tests: one program per folder, linked only with what that folder may use.
# test-tui has no ncurses: a view that calls curses does not link.
# Every tests/<folder>/test_x.c defines `Suite *suite_x(void)`; main is generated.
LINK.data := $(B)/libdata.a
LINK.core := $(B)/libcore.a $(LINK.data)
LINK.tui  := $(B)/libtui.a $(LINK.core)
LINK.demo := $(B)/libdemo.a $(LINK.core)
TLIBS.data = $(LIBS.data)
TLIBS.core = $(LIBS.core)
TLIBS.tui  = $(LIBS.core)
TLIBS.demo = $(LIBS.core)
define test_program
names.$(1) := $(patsubst tests/$(1)/test_%.c,%,$(sort $(wildcard tests/$(1)/test_*.c)))
$(B)/tests/$(1)_main.c: $(call src,tests/$(1))
	@mkdir -p $$(@D)
	@{ echo '#include "tests/support/runner.h"'; \
	   printf 'Suite *suite_%s(void);\n' $$(names.$(1)); \
	   echo 'int main(void) { return run_suites((suite_fn *[]){'; \
	   printf 'suite_%s, ' $$(names.$(1)); echo 'NULL }); }'; } > $$@
$(B)/test-$(1): $(B)/tests/$(1)_main.c $(call obj,$(call src,tests/$(1))) $(SUPPORT) $(LINK.$(1))
	@echo '  LD   $$@'
	$$(Q)$$(CC) $$(filter-out -MMD -MP,$$(CFLAGS)) $$(CFLAGS.tests) $$(LDFLAGS) -o $$@ $$^ \
	        $$(TLIBS.$(1)) $$(LIBS.check) -lm
# each suite in a process of its own: make -j2 runs two at a time
runs.$(1) := $$(addprefix suite-$(1)-,$$(names.$(1)))
.PHONY: $$(runs.$(1))
$$(runs.$(1)): suite-$(1)-%: $(B)/test-$(1)
	$$(Q)CK_RUN_SUITE=$$* OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $$<
test-$(1): $$(if $$(CK_RUN_SUITE),$$(filter $$(addprefix suite-$(1)-,$$(CK_RUN_SUITE)),$$(runs.$(1))),$$(runs.$(1)))
endef
SUITES := $(foreach d,data core tui demo,$(if $(call src,tests/$(d)),$(d)))
$(foreach d,$(SUITES),$(eval $(call test_program,$(d))))
$(if $(filter-out $(foreach d,$(SUITES),$(names.$(d))),$(CK_RUN_SUITE)),$(error there is no suite '$(CK_RUN_SUITE)'))
test: all $(addprefix test-,$(SUITES)) ## fast tests (CK_RUN_SUITE=kernels for one suite)
asan: ; $(MAKE) VARIANT=asan test ## tests under address + undefined-behaviour sanitizers
# data/ starts no threads and locks nothing, which lint checks: nothing there can race
tsan: ; CK_FORK=no $(MAKE) VARIANT=tsan $(addprefix test-,$(filter-out data,$(SUITES))) ## tests under the thread sanitizer
coverage: ; $(MAKE) VARIANT=cov test && gcovr -r . -e tests -e build --print-summary ## line coverage
golden: ; GOLDEN_UPDATE=1 $(MAKE) test-tui && git diff --stat tests/golden ## rewrite golden screens
golden-gguf: ; GOLDEN_UPDATE=1 CK_RUN_SUITE=layouts $(MAKE) test-core ## rewrite tests/fixtures/gguf
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(call src,tests/fuzz))
$(B)/fuzz-%: $(B)/tests/fuzz/fuzz_%.o $(B)/libtui.a $(B)/libcore.a $(B)/libdata.a
	@echo '  LD   $@'
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS.core)
.SECONDARY: # keeps what is made on the way
fuzzed-%: $(B)/fuzz-%
	@mkdir -p $(B)/corpus/$*
	$< -max_total_time=$(or $(SECS),60) -timeout=60 -rss_limit_mb=2048 -verbosity=0 \
	   -print_final_stats=1 $(B)/corpus/$* $(wildcard tests/fuzz/corpus/$*)
fuzz: ; $(MAKE) VARIANT=fuzz CC=clang fuzzed-$(T) ## fuzz one parser with clang: make fuzz T=safetensors SECS=60
fuzz-all: ; $(MAKE) VARIANT=fuzz CC=clang $(addprefix fuzzed-,$(FUZZERS)) ## every fuzz target: make fuzz-all SECS=10
$(B)/random_model: $(call obj,$(call src,tests/tools)) $(SUPPORT) $(B)/libdata.a
	@echo '  LD   $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS.check) $(LIBS.data)
random-model: $(B)/random_model ## write random weights to measure with: SIZE=2b OUT=DIR, or FORMAT=q8_0 OUT=FILE
	$(B)/random_model $(or $(SIZE),2b) $(OUT) $(FORMAT)
e2e: $(patsubst tests/e2e/%.sh,e2e-%,$(wildcard tests/e2e/*.sh)) ## drive the program from outside: tests/e2e/*.sh
e2e-%: all
	sh tests/e2e/$*.sh $(B)/$(NAME)

completions: all ## rewrite assets/completions from the program's option table
	for shell in bash zsh fish; do \
	  $(B)/$(NAME) --completions $$shell > assets/completions/$(NAME).$$shell || exit 1; done

# --- checks: the layering rules of the code map ---
SOURCES := $(wildcard data/*.[ch] core/*.[ch] tui/*.[ch])
FORMATTED := $(SOURCES) $(wildcard assets/demo/*.[ch] tests/*/*.[ch])
only = @! grep -nE '$(1)' $(filter-out $(2),$(SOURCES))
lint: ## layering rules, file sizes and formatting
	$(call only,include <n?curses,tui/screen.c)
	$(call only,include <cblas,core/matmul.c)
	$(call only,include <pcre2,data/concept_search.c)
	$(call only,include <cjson,$(wildcard data/*.[ch]))
	$(call only,include <check,)
	$(call only,include <(pthread|threads)\.h,$(wildcard core/*.[ch] tui/*.[ch]))
	@! grep -nE 'include "(core|tui|tests|assets)/' data/*.[ch]
	@! grep -nE 'include "(tui|tests|assets)/' core/*.[ch]
	@! wc -l $(FORMATTED) | awk '$$2 != "total" && $$1 > 800 { print $$2 " is longer than 800 lines" }' | grep .
	@if command -v clang-format >/dev/null; then clang-format --dry-run -Werror $(FORMATTED); \
	 else echo 'lint: clang-format is not installed, layout not checked'; fi
	@echo lint ok
format: ## lay out all sources with clang-format
	$(Q)clang-format -i $(FORMATTED)

# --- install ---
BIN := $(DESTDIR)$(PREFIX)/bin
MAN := $(DESTDIR)$(PREFIX)/share/man/man1
SHARE := $(DESTDIR)$(PREFIX)/share/axscope
BASH := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
DEMO_FILES := $(addprefix assets/demo/,config.json generation_config.json tokenizer.json \
              tokenizer_config.json model.safetensors README.md examples.txt words.txt)
install: all ## install program, man page, completions and demo (PREFIX, DESTDIR)
	install -d $(BIN) $(MAN) $(SHARE)/demo $(BASH) $(ZSH) $(FISH)
	install -m755 $(B)/$(NAME) $(BIN)/$(NAME)
	install -m644 assets/$(NAME).1 $(MAN)
	install -m644 assets/completions/$(NAME).bash $(BASH)/$(NAME)
	install -m644 assets/completions/$(NAME).zsh $(ZSH)/_$(NAME)
	install -m644 assets/completions/$(NAME).fish $(FISH)/$(NAME).fish
	install -m644 $(DEMO_FILES) $(SHARE)/demo
	install -m644 assets/calibration.txt $(SHARE)
	for d in $(notdir $(wildcard assets/demo/l[0-9]*)); do install -d $(SHARE)/demo/$$d && \
	  install -m644 assets/demo/$$d/* $(SHARE)/demo/$$d; done
uninstall: ## remove what install put there
	rm -f $(BIN)/$(NAME) $(MAN)/$(NAME).1 $(BASH)/$(NAME) $(ZSH)/_$(NAME) $(FISH)/$(NAME).fish
	rm -rf $(SHARE)
clean: ## remove build/
	rm -rf build
help: ## list targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

-include $(shell find $(B) -name '*.d' 2>/dev/null)
