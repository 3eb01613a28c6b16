/* A congestion control that is registered as long as its link lives, and one to take its place:
 * libbpf 1.2.
 */
#include "struct_ops.h"

SEC(".struct_ops.link") struct tcp_congestion_ops first = ALGORITHM;
SEC(".struct_ops.link") struct tcp_congestion_ops second = ALGORITHM;
