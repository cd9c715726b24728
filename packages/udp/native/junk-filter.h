// Drops in the kernel what can be no packet of ours, before it takes room in the receive buffer: a
// flood of it then costs no system call, no copy and no turn of the protocol.
#pragma once

#include <cstdint>

namespace jetstream {

// Sealed packets pass only for connection ids that begin with `id_prefix`.
// Returns false where the system refuses filters; everything is then dropped after it was read.
bool attach_junk_filter(int descriptor, uint8_t id_prefix);

}  // namespace jetstream
