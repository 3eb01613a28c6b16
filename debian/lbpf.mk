# What dh-lua is to build, the same for each Lua; lua5.N.dh-lua.conf includes it.
PKG_NAME = lbpf
LUA_MODNAME = lbpf
LUA_MODNAME_CPART = lbpf.core
LUA_SOURCES := $(shell find lua -name '*.lua')
LUA_SOURCES_MANGLER = sed 's:^lua/::'
LUA_TEST = debian/test.lua

CLIB_CFLAGS = -std=c11 -fno-plt -fvisibility=hidden -pthread -D_GNU_SOURCE -Icore
CLIB_LDFLAGS = -pthread -Wl,-z,nodelete -Wl,--as-needed -lbpf -lelf
CLIB_LDFLAGS_STATIC = $(CLIB_LDFLAGS)
CLIB_OBJS := $(patsubst %.c,%.lo,lbpf.c $(wildcard core/*/*.c))
