#include "peer-table.h"

#include <cstring>

namespace jetstream {

PeerTable::Key PeerTable::key_of(const Address& address) {
  Key key = {};
  if (address.any.sa_family == AF_INET) {
    key.low = address.v4.sin_addr.s_addr;
    key.place = address.v4.sin_port;
    return key;
  }
  std::memcpy(&key.high, address.v6.sin6_addr.s6_addr, 8);
  std::memcpy(&key.low, address.v6.sin6_addr.s6_addr + 8, 8);
  key.place = static_cast<uint64_t>(address.v6.sin6_scope_id) << 16 | address.v6.sin6_port;
  return key;
}

uint32_t PeerTable::handle(const Address& address) {
  const Key key = key_of(address);
  // A sender mostly follows itself.
  uint32_t found = last_;
  if (used_ == 0 || !(keys_[last_] == key)) {
    for (found = 0; found < used_ && !(keys_[found] == key); found++) {
    }
  }
  if (found == used_) {
    if (used_ < kPeersMax) {
      handles_[used_] = used_;
      used_++;
    } else {
      // A round touches fewer entries than there are, so the hand finds a free one.
      while (rounds_[hand_] == round_) hand_ = (hand_ + 1) % kPeersMax;
      found = hand_;
      hand_ = (hand_ + 1) % kPeersMax;
      handles_[found] += kPeersMax;
    }
    keys_[found] = key;
    addresses_[found] = address;
  }
  rounds_[found] = round_;
  last_ = found;
  return handles_[found];
}

const Address* PeerTable::address(uint32_t handle) const {
  const uint32_t place = handle % kPeersMax;
  return place < used_ && handles_[place] == handle ? &addresses_[place] : nullptr;
}

}  // namespace jetstream
