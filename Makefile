# make                 build the module for Lua 5.4
# make LUA=luajit      ... or for another Lua (lua5.1 to lua5.5, luajit)
# make LIBBPF=static   ... with libbpf inside of it, for programs that export functions of libbpf's names
# make install PREFIX=/usr/local  the module, what is in Lua, the command lbpf
# make uninstall PREFIX=/usr/local
# make demo            files being opened on this machine, as they are
# make test            install what the tests need, build, run them all
# make asan            the same tests under AddressSanitizer and UBSan
# make tsan            Lua states in several threads, under ThreadSanitizer
# make coverage        which lines of core/ the tests run on this machine: into build/coverage
# make vmtest KERNEL=5.10|6.1|6.12|6.18|7.2 USERLAND=bookworm|trixie|forky
# make bench           lbpf beside C, Go, Python: into build/bench/results.json, docs/performance.md
# make bench-soak      ... over 100 million events: does memory grow?
# make typed-sweep     values of all the kernel's types, and of random structures, beside C's
# make soak            lives of everything, over and over, for SECONDS (60)
# make fuzz            damaged object files, for SECONDS (60)
# make fuzzer TARGET=btf  libFuzzer, for SECONDS (60); all targets unless one is named
# make check           clang-format, luacheck, layering, documentation, the API
# make docs            the site: guides and the reference, into build/docs
# make annotations     what editors know of the API, from the comments
# make dist            what a release consists of, from the last commit: into build/dist
# make deb             Debian packages of it
# make help            this list

LUA    ?= lua5.4
PREFIX ?= /usr/local
CLANG  ?= clang

# luarocks says where its Lua's headers are; else pkg-config knows.
LUA_INCDIR ?=
LUA_CFLAGS := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell pkg-config --cflags $(LUA) 2>/dev/null))
LUA_ABI    := $(or $(if $(filter luajit,$(LUA)),5.1),$(patsubst lua%,%,$(filter lua5.%,$(LUA))), \
                $(shell pkg-config --modversion $(LUA) 2>/dev/null | cut -d. -f1-2))

# SANITIZE=1: for AddressSanitizer and UBSan; SANITIZE=thread: for ThreadSanitizer.
# COVERAGE=1: counts which lines are run.
SUFFIX := $(if $(filter thread,$(SANITIZE)),-tsan,$(if $(SANITIZE),-san))$(COVERAGE:1=-cov)
BUILD  := build/$(or $(notdir $(LUA_INCDIR)),$(LUA))$(SUFFIX)

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# Most calls go to Lua's C interface: -fno-plt spares each a jump.
LBPF_CFLAGS  := -std=c11 -fPIC -fno-plt -fvisibility=hidden -pthread -D_GNU_SOURCE -Icore \
                $(WARNINGS) $(LUA_CFLAGS) $(shell pkg-config --cflags libbpf libelf 2>/dev/null)
# {0} clears the whole of a union, as libbpf's OPTS_VALID() wants; GCC 15 needs to be told.
LBPF_CFLAGS  += $(shell $(CC) -fzero-init-padding-bits=unions -E -x c /dev/null >/dev/null 2>&1 && \
                  echo -fzero-init-padding-bits=unions)
# Lua's own symbols come from the program that loads the module: no Lua library is linked.
LBPF_LDFLAGS := -shared -pthread -Wl,-z,nodelete -Wl,--as-needed
LBPF_LDLIBS  := $(shell pkg-config --libs libbpf 2>/dev/null) -lelf -ldl

ifdef SANITIZE
SANITIZERS   := $(if $(filter thread,$(SANITIZE)),thread,address,undefined)
LBPF_CFLAGS  += -fsanitize=$(SANITIZERS) -fno-omit-frame-pointer \
                $(if $(filter thread,$(SANITIZE)),,-fno-sanitize-recover=undefined)
LBPF_LDFLAGS += -fsanitize=$(SANITIZERS)
EMBED_CFLAGS := -fsanitize=$(SANITIZERS)
endif

ifdef COVERAGE
LBPF_CFLAGS  += --coverage -fprofile-update=atomic
LBPF_LDFLAGS += --coverage
endif

SOURCES := lbpf.c $(wildcard core/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
MODULE  := $(BUILD)/lbpf/core.so

# The same objects, with libbpf's beside them.
LIBBPF_A ?= $(shell $(CC) -print-file-name=libbpf.a)
ifeq ($(LIBBPF),static)
MODULE       := $(BUILD)-static/lbpf/core.so
LBPF_LDFLAGS += -Wl,--exclude-libs,ALL
LBPF_LDLIBS  := -Wl,--whole-archive $(BUILD)/libbpf.a -Wl,--no-whole-archive -lelf -lz -ldl
endif

BPF_SOURCES := $(wildcard tests/bpf/*.bpf.c tests/bench/*.bpf.c examples/*/*.bpf.c)
BPF_OBJECTS := $(foreach s,$(BPF_SOURCES),build/bpf/$(notdir $(s:.c=.o)))

HELPER_SOURCES := $(wildcard tests/helpers/*.c)
HELPERS := $(HELPER_SOURCES:tests/helpers/%.c=build/helpers/%)

EMBED_SOURCES := $(wildcard tests/embed/*.c)
EMBEDDERS := $(EMBED_SOURCES:tests/embed/%.c=$(BUILD)/%)

# V=1 shows the commands.
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))

.PHONY: all help module prerequisites bpf helpers install demo test asan tsan vmtest bench fuzz check docs clean
all: module

module: $(MODULE)

prerequisites:
	@tests/prerequisites "$(CC)" $(LUA) $(LUA_INCDIR)

$(OBJECTS): | prerequisites

$(MODULE): $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LBPF_LDFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LBPF_LDLIBS)

$(BUILD)-static/lbpf/core.so: $(BUILD)/libbpf.a

$(BUILD)/libbpf.a: $(LIBBPF_A)
	@mkdir -p $(@D)
	$(call say,COPY,$@)
	$(Q)tests/static-libbpf "$(CC)" $< $@

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(LBPF_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

# BPF objects ------------------------------------------------------------------------------

BPF_ARCH   := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
# BPF_INCLUDE: where another libbpf's headers are than this machine's. The README's command has these
# flags, less the warnings. v3: what clang 20 and newer compile for when not told.
BPF_CFLAGS := --target=bpf -mcpu=v3 -O2 -g -D__TARGET_ARCH_$(BPF_ARCH) \
              -I/usr/include/$(shell uname -m)-linux-gnu
BPF_WARNINGS := -Wall -Werror

bpf: $(BPF_OBJECTS)

vpath %.bpf.c $(sort $(dir $(BPF_SOURCES)))
build/bpf/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_INCLUDE:%=-I%) $(BPF_CFLAGS) $(BPF_WARNINGS) -MMD -MP -c -o $@ $<

-include $(BPF_OBJECTS:.o=.d)

# Programs that the tests run ----------------------------------------------------------------

helpers: $(HELPERS) $(EMBEDDERS)

build/helpers/%: tests/helpers/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -O1 -g -Wall -Werror -Icore -o $@ $<

# ... and those that embed the Lua that is tested, each built for that.
$(BUILD)/%: tests/embed/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -O1 -g -Wall -Werror -pthread -rdynamic $(EMBED_CFLAGS) \
		$(LUA_CFLAGS) -o $@ $< $(shell pkg-config --libs $(LUA)) $(LBPF_LDLIBS)

# Installing -----------------------------------------------------------------------------------

INST_LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_ABI)
INST_LUADIR ?= $(PREFIX)/share/lua/$(LUA_ABI)
INST_BINDIR ?= $(PREFIX)/bin
INST_MANDIR ?= $(PREFIX)/share/man/man1
INST_COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
INST_ANNOTATIONDIR ?= $(PREFIX)/share/lbpf/annotations
TOOLS       := $(wildcard examples/tools/*.lua)

install: module
	install -D -m 755 $(MODULE) $(DESTDIR)$(INST_LIBDIR)/lbpf/core.so
	cd lua && find . -name '*.lua' -exec install -D -m 644 {} $(DESTDIR)$(INST_LUADIR)/{} \;
	install -d $(DESTDIR)$(INST_LUADIR)/lbpf/tools
	install -m 644 $(TOOLS) $(DESTDIR)$(INST_LUADIR)/lbpf/tools
	install -D -m 755 bin/lbpf $(DESTDIR)$(INST_BINDIR)/lbpf
	sed -i '1s/lua5\.4/$(LUA)/' $(DESTDIR)$(INST_BINDIR)/lbpf
	install -D -m 644 docs/lbpf.1 $(DESTDIR)$(INST_MANDIR)/lbpf.1
	install -D -m 644 bin/completion $(DESTDIR)$(INST_COMPLETIONDIR)/lbpf
	cd annotations && find . -name '*.lua' -exec install -D -m 644 {} $(DESTDIR)$(INST_ANNOTATIONDIR)/{} \;

# Folders that others may have use of go if they are empty.
SHARED_DIRS := $(INST_LUADIR)/resty $(INST_LIBDIR) $(dir $(INST_LIBDIR)) $(INST_LUADIR) $(dir $(INST_LUADIR)) $(INST_MANDIR) \
               $(dir $(INST_ANNOTATIONDIR)) $(INST_COMPLETIONDIR) $(dir $(INST_COMPLETIONDIR))

.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(INST_BINDIR)/lbpf $(DESTDIR)$(INST_LIBDIR)/lbpf/core.so \
		$(DESTDIR)$(INST_MANDIR)/lbpf.1 $(DESTDIR)$(INST_COMPLETIONDIR)/lbpf
	rm -f $(TOOLS:examples/%=$(DESTDIR)$(INST_LUADIR)/lbpf/%)
	cd lua && find . -name '*.lua' -exec rm -f $(DESTDIR)$(INST_LUADIR)/{} \;
	cd annotations && find . -name '*.lua' -exec rm -f $(DESTDIR)$(INST_ANNOTATIONDIR)/{} \;
	for dir in $(DESTDIR)$(INST_LIBDIR)/lbpf $(DESTDIR)$(INST_LUADIR)/lbpf $(DESTDIR)$(INST_ANNOTATIONDIR); do \
		[ ! -d $$dir ] || find $$dir -depth -type d -empty -delete; done
	@for dir in $(SHARED_DIRS:%=$(DESTDIR)%); do \
		[ ! -d $$dir ] || rmdir --ignore-fail-on-non-empty $$dir; done

# The two commands of the README -----------------------------------------------------------------
# Each installs what it needs first; the real work is a make of its own, which then finds it.

demo:
	@tests/tools demo
	@$(MAKE) -s --no-print-directory module build/bpf/opens.bpf.o
	@examples/opens/demo $(LUA)

test:
	@$(MAKE) -s --no-print-directory prepare-test
	tests/all host lua5.4 luajit

.PHONY: prepare-test
prepare-test:
	@tests/tools test
	@$(MAKE) --no-print-directory bpf
	@$(MAKE) --no-print-directory module helpers LUA=lua5.4
	@$(MAKE) --no-print-directory module helpers LUA=luajit
	@! $(MAKE) --no-print-directory build/lua5.4/libbpf.a LUA=lua5.4 || \
		$(MAKE) --no-print-directory module LUA=lua5.4 LIBBPF=static

asan: bpf
	$(MAKE) --no-print-directory module helpers LUA=lua5.4 SANITIZE=1
	tests/all host lua5.4-san

# libbpf and Lua are not instrumented: what is seen there is their calls of malloc() and the like.
tsan: bpf
	$(MAKE) --no-print-directory module LUA=lua5.4
	$(MAKE) --no-print-directory module helpers LUA=lua5.4 SANITIZE=thread
	LUA=lua5.4-tsan tests/run host tests/hazards/04_threads_spec.lua \
		tests/hazards/37_two_states_spec.lua

# One Lua after the other; of a virtual machine: make vmtest LUA=lua5.4-cov, before.
.PHONY: coverage
coverage: bpf
	$(MAKE) --no-print-directory module helpers LUA=$(LUA) COVERAGE=1 CFLAGS="-O0 -g"
	-LUA=$(LUA)-cov tests/run host $(SPECS)
	tests/coverage build/$(LUA)-cov build/coverage/$(LUA) \
		$(filter-out build/coverage/$(LUA),$(wildcard build/coverage/* build/vm/*-cov/out))

vmtest: bpf
	tests/vm/run $(KERNEL) $(USERLAND) $(LUA)

# The benchmark's own programs; QUICK=1 runs a little of all, for the checksums.
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,build/bench/%, \
                    $(filter-out %.bpf.c,$(wildcard tests/bench/*.c))) \
                  $(patsubst tests/bench/%.go,build/bench/%-go,$(wildcard tests/bench/*.go))

# Lua inside of it, as Debian's lua5.4 has it.
build/bench/floor: private LUA_FLAGS = $(shell pkg-config --cflags lua5.4) -l:liblua5.4.a -lm
# Not linked with libbpf, which it loads.
build/bench/dlopen: private LBPF_LDLIBS =
build/bench/%: tests/bench/%.c tests/bench/bench.h tests/bench/event.h tests/bench/fill.h
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Werror -o $@ $< $(LBPF_LDLIBS) $(LUA_FLAGS)

# Debian's Go packages are a GOPATH.
build/bench/%-go: tests/bench/%.go
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(CURDIR)/build/go go build -o $@ $<

# lbpf trace beside bpftrace, as root.
.PHONY: bench-bpftrace
bench-bpftrace: module
	@tests/tools bench
	tests/bench/bpftrace $(LUA)
	tests/bench/tools $(LUA)
	tests/bench/kernel_time $(LUA)

# The instructions of programs in Lua beside those of clang, as root.
.PHONY: bench-instructions
bench-instructions:
	$(MAKE) --no-print-directory module LUA=lua5.4
	@tests/tools bench
	LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='build/lua5.4/?.so;;' \
		tests/bench/instructions/run

.PHONY: bench-programs bench-soak
bench-programs: bpf $(BENCH_PROGRAMS)
	$(MAKE) --no-print-directory module LUA=lua5.4
	$(MAKE) --no-print-directory module LUA=luajit

bench bench-soak:
	@tests/tools bench
	@$(MAKE) -s --no-print-directory bench-programs
	tests/bench/run $(if $(QUICK),--quick) $(if $(filter bench-soak,$@),--soak) $(WORKLOADS)

.PHONY: typed-sweep
typed-sweep: module
	LUA=$(LUA) tests/typed/run

.PHONY: soak
soak: bpf module helpers
	LUA=$(LUA) tests/soak/run $(or $(SECONDS),60)

fuzz: bpf module
	tests/fuzz/run $(or $(SECONDS),60)

# Coverage-guided fuzzing by libFuzzer, with AddressSanitizer: TARGET is a file of tests/fuzz/targets.
FUZZER_FLAGS   := -fsanitize=address,undefined -fno-sanitize-recover=undefined -O1 -g
FUZZER_OBJECTS := $(SOURCES:%.c=build/fuzzer/%.o)
# LIBBPF_SRC: the directory src of libbpf's source, to have the fuzzer see into it.
FUZZER_LIBBPF  := $(if $(LIBBPF_SRC),$(patsubst $(LIBBPF_SRC)/%.c,build/fuzzer/libbpf/%.o,$(wildcard $(LIBBPF_SRC)/*.c)))

build/fuzzer/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer-no-link $(FUZZER_FLAGS) -std=c11 -pthread -D_GNU_SOURCE -Icore \
		$(shell pkg-config --cflags lua5.4) -MMD -MP -c -o $@ $<

# libbpf reads what is not aligned.
build/fuzzer/libbpf/%.o: $(LIBBPF_SRC)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer-no-link,address -O1 -g -w -D_GNU_SOURCE -D_LARGEFILE64_SOURCE \
		-I$(LIBBPF_SRC)/../include -I$(LIBBPF_SRC)/../include/uapi -c -o $@ $<

build/fuzzer/lbpf: tests/fuzz/fuzzer.c $(FUZZER_OBJECTS) $(FUZZER_LIBBPF)
	$(call say,LINK,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer $(FUZZER_FLAGS) -pthread $(shell pkg-config --cflags lua5.4) -o $@ $^ \
		$(shell pkg-config --libs lua5.4) $(if $(LIBBPF_SRC),-lelf -lz -ldl,$(LBPF_LDLIBS))

-include $(FUZZER_OBJECTS:.o=.d)

.PHONY: fuzzer
fuzzer: bpf build/fuzzer/lbpf
	tests/fuzz/guided $(or $(TARGET),all) $(or $(SECONDS),60)

# All C of the project, the BPF programs too.
FORMATTED = lbpf.c $(wildcard core/*/*.[ch] tests/helpers/*.c tests/embed/*.c tests/bpf/*.[ch] \
            tests/bench/*.[ch] tests/support/*.c examples/*/*.c tests/fuzz/*.c)

check:
	@tests/tools check
	@$(MAKE) -s --no-print-directory module helpers
	$(call say,FMT,"$(words $(FORMATTED)) files of C")
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	luacheck -q $(wildcard lua bin/lbpf docs/site examples tests debian/test.lua tests/check/layering tests/check/docs tests/check/api \
		tests/check/man \
		tests/bench/run tests/bench/bpftrace tests/bench/tools tests/bench/symbols \
		tests/bench/kernel_time tests/bench/instructions/run *.rockspec)
	tests/check/layering $(MODULE)
	tests/run host tests/check
	tests/check/docs
	tests/check/api $(MODULE)
	tests/check/man

# The site, from the pages in docs/ and the comments in the code, into build/docs.
SITE := build/site
docs:
	@tests/tools docs
	rm -rf $(SITE) build/docs
	mkdir -p $(SITE)/reference
	cp README.md CHANGELOG.md docs/*.md docs/site/* $(SITE)
	lua5.1 "$$(command -v ldoc)" --fatalwarnings --dir build/ldoc . >/dev/null
	lua5.1 "$$(command -v ldoc)" --filter docs.site.reference.write . >/dev/null
	sphinx-build -q -W --keep-going $(SITE) build/docs

# What editors know of the API: generated from the comments, and kept in the tree to be installed.
.PHONY: annotations
annotations:
	@tests/tools docs
	rm -rf annotations
	lua5.1 "$$(command -v ldoc)" --filter docs.site.reference.annotate . >/dev/null

# Releasing ------------------------------------------------------------------------------------

VERSION = $(shell sed -n 's/^lbpf\._VERSION = "\(.*\)"/\1/p' lua/lbpf/init.lua)

# DIST_URL: where the archive is for everybody, once it is published. The rock has it inside, and is
# installed without a network.
DIST_URL ?= file://$(CURDIR)/build/dist

.PHONY: dist deb
dist:
	rm -rf build/dist
	mkdir -p build/dist
	git archive --prefix=lbpf-$(VERSION)/ -o build/dist/lbpf-$(VERSION).tar.gz HEAD
	sed -e 's|^version = .*|version = "$(VERSION)-1"|' -e 's|url = .*|url = "$(DIST_URL)/lbpf-$(VERSION).tar.gz",|' \
		lbpf-scm-1.rockspec >build/dist/lbpf-$(VERSION)-1.rockspec
	cd build/dist && luarocks pack lbpf-$(VERSION)-1.rockspec

deb: dist
	@tests/tools deb
	tar -C build/dist -xf build/dist/lbpf-$(VERSION).tar.gz
	cd build/dist/lbpf-$(VERSION) && dpkg-buildpackage -us -uc

help:
	@sed -n '/^#/!q; s/^# //p' $(firstword $(MAKEFILE_LIST))

clean:
	rm -rf build
