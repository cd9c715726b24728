// A socket that receives what a fuzzer gives it, in place of packages/udp/native/udp-socket.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "udp-socket.h"

namespace fuzz {

// One received message, as the kernel would describe it.
struct Fed {
  const uint8_t* bytes;
  size_t size;
  size_t segment;
  uint16_t port;
};

// What the next call of UdpSocket::receive finds; `count` at most UdpSocket::kMessagesMax.
void feed(const Fed* messages, size_t count);

// How many of the packets that UdpSocket::send is given find room; the rest does not.
void limit_sends(size_t packets);

}  // namespace fuzz
