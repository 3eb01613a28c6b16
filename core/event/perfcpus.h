/* Which CPUs a perf buffer reads, and with which keys of the map. */
#ifndef LBPF_EVENT_PERFCPUS_H
#define LBPF_EVENT_PERFCPUS_H

#include "base/compat.h"

/* Reads the options at ARG. Lists are copied to memory that perfcpus_free() frees, also if this
 * raises.
 */
void perfcpus_read(lua_State *L, int arg, struct perf_buffer_raw_opts *opts);
void perfcpus_free(struct perf_buffer_raw_opts *opts);

#endif
