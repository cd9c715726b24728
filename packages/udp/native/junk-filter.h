// Drops in the kernel what can be no packet of ours, before it takes room in the receive buffer: a
// flood of it then costs no system call, no copy and no turn of the protocol.
#pragma once

namespace jetstream {

// Returns false where the system refuses filters; everything is then dropped after it was read.
bool attach_junk_filter(int descriptor);

}  // namespace jetstream
