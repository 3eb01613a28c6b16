/* Pinning objects, programs and maps into a BPF file system, where they outlive the process. */
#ifndef LBPF_OPEN_PIN_H
#define LBPF_OPEN_PIN_H

#include "base/compat.h"

/* Methods of objects, programs and maps. */
extern const luaL_Reg pin_object_methods[], pin_program_methods[], pin_map_methods[];

#endif
