// Wire format and limits. Every number here repeats one of packages/transport/src/packet-io.ts;
// the conformance suite compares both sides through a byte-exact vector.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jetstream {

constexpr size_t kHeaderBytes = 16;
constexpr size_t kInnerHeaderBytes = 16;
constexpr size_t kTagBytes = 16;
constexpr size_t kPacketOverheadBytes = kHeaderBytes + kInnerHeaderBytes + kTagBytes;
constexpr size_t kPayloadBytesMax = 65000;
constexpr size_t kDatagramBytesMax = 65507;
constexpr size_t kBatchPacketsMax = 256;
constexpr uint32_t kConnectionsMax = 4096;
constexpr uint32_t kKeyEpochsHeld = 4;
constexpr uint32_t kClearHandle = 0xffffffff;
constexpr uint8_t kWireVersion = 1;
constexpr uint8_t kFirstByteClear = kWireVersion << 4;
constexpr uint8_t kFirstByteSealed = kWireVersion << 4 | 1;

// One packet of a batch, as the protocol writes and reads it.
struct Descriptor {
  uint32_t connection;
  uint32_t number_low;
  uint32_t number_high;
  uint32_t kind;
  uint32_t place;
  uint32_t position_low;
  uint32_t position_high;
  uint32_t offset;
  uint32_t peer;

  uint64_t number() const { return static_cast<uint64_t>(number_high) << 32 | number_low; }
  size_t payload_bytes() const { return kind >> 16; }
  size_t packet_bytes() const { return payload_bytes() + kPacketOverheadBytes; }
};
static_assert(sizeof(Descriptor) == 9 * sizeof(uint32_t), "DESCRIPTOR_WORDS");

inline void put_u16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

inline void put_u32(uint8_t* at, uint32_t value) {
  put_u16(at, value >> 16);
  put_u16(at + 2, value);
}

inline uint32_t get_u16(const uint8_t* at) { return static_cast<uint32_t>(at[0]) << 8 | at[1]; }

inline uint32_t get_u32(const uint8_t* at) { return get_u16(at) << 16 | get_u16(at + 2); }

}  // namespace jetstream
