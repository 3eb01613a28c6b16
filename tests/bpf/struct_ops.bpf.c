/* A congestion control that is registered as long as its map says so. */
#include "struct_ops.h"

SEC(".struct_ops") struct tcp_congestion_ops algorithm = ALGORITHM;
