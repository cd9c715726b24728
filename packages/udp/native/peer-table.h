// Small numbers for recent source addresses, so that a received packet names its sender in one word.
#pragma once

#include <cstdint>

#include "udp-socket.h"

namespace jetstream {

class PeerTable {
 public:
  static constexpr uint32_t kPeersMax = 256;
  static_assert(kPeersMax > UdpSocket::kMessagesMax, "one receive call must fit");

  // Starts a receive call: handles given from here to the next begin stay valid that long.
  void begin() { round_++; }
  // Handle of an address, which takes the place of one unused in this round if it is new. It
  // is the place in the table, and kPeersMax more with each address there: no two have one handle.
  uint32_t handle(const Address& address);
  // Null for a handle that was never given, or whose place another address has taken.
  const Address* address(uint32_t handle) const;

 private:
  struct Key {
    uint64_t high;
    uint64_t low;
    uint64_t place;  // port and scope
    bool operator==(const Key& other) const {
      return high == other.high && low == other.low && place == other.place;
    }
  };
  static Key key_of(const Address& address);

  Key keys_[kPeersMax] = {};
  uint64_t rounds_[kPeersMax] = {};
  uint32_t handles_[kPeersMax] = {};
  Address addresses_[kPeersMax] = {};
  uint32_t used_ = 0;
  uint32_t last_ = 0;
  uint32_t hand_ = 0;
  uint64_t round_ = 0;
};

}  // namespace jetstream
