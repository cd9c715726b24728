#include "fed-socket.h"

#include <algorithm>
#include <cstring>

namespace {

const fuzz::Fed* fed = nullptr;
size_t fed_count = 0;
size_t sends_left = 0;

}  // namespace

namespace fuzz {

void feed(const Fed* messages, size_t count) {
  fed = messages;
  fed_count = count;
}

void limit_sends(size_t packets) { sends_left = packets; }

}  // namespace fuzz

namespace jetstream {

void UdpSocket::close() {}

bool UdpSocket::has_room() { return sends_left > 0; }

// Reads all that it is told to send, so that the sanitizers see it, and checks the runs.
size_t UdpSocket::send(const Run* runs, size_t count) {
  size_t sent = 0;
  uint8_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    const Run& run = runs[i];
    if (run.packets == 0 || run.packets > kSegmentsMax) __builtin_trap();
    if (run.total_bytes > run.packets * run.packet_bytes) __builtin_trap();
    if (run.packets > 1 && run.total_bytes > kRunBytesMax) __builtin_trap();
    for (size_t at = 0; at < run.total_bytes; at++) sum ^= run.bytes[at];
    if (run.packets > sends_left) break;
    sends_left -= run.packets;
    sent += run.packets;
  }
  blocked_ = sum == 0 && sent == 0;
  return sent;
}

size_t UdpSocket::receive(uint8_t* slots, size_t slots_max, int) {
  const size_t count = std::min({fed_count, slots_max, kMessagesMax});
  for (size_t i = 0; i < count; i++) {
    Message& message = messages_[i];
    message.total_bytes = std::min(fed[i].size, kSlotBytes);
    message.segment_bytes = fed[i].segment > 0 ? fed[i].segment : message.total_bytes;
    if (message.total_bytes > 0) std::memcpy(slots + i * kSlotBytes, fed[i].bytes, message.total_bytes);
    message.address = {};
    message.address.v4.sin_family = AF_INET;
    message.address.v4.sin_port = fed[i].port;
    message.address.bytes = sizeof(message.address.v4);
  }
  fed_count -= count;
  fed += count;
  return count;
}

}  // namespace jetstream
