// The native half of a PacketIO: connections with their keys, sealing into a staging area on the
// way out, opening in place on the way in. Knows nothing of JavaScript; allocates only when a
// connection is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "aead.h"
#include "peer-table.h"
#include "udp-socket.h"
#include "wire.h"

namespace jetstream {

class PacketEngine {
 public:
  // Messages received at a time, hence room for received bytes: 4 MiB.
  static constexpr size_t kReceiveBytes = UdpSocket::kMessagesMax * UdpSocket::kSlotBytes;

  explicit PacketEngine(int key_epoch_shift) : key_epoch_shift_(key_epoch_shift) {}

  UdpSocket& socket() { return socket_; }

  // Each returns null, or what is wrong.
  const char* open_connection(uint32_t local_id, uint32_t remote_id, const Address& peer,
                              uint32_t* handle);
  const char* set_peer(uint32_t handle, const Address& peer);
  struct Keys {
    bool for_sealing;
    uint64_t epoch;
    Cipher cipher;
    const uint8_t* key;
    const uint8_t* iv;
  };
  const char* install_keys(uint32_t handle, const Keys& keys);
  const char* close_connection(uint32_t handle);

  struct Arena {
    const uint8_t* bytes;
    size_t size;
  };
  // Checks all descriptors, then seals and sends; `sent` is how many left.
  const char* seal_and_send(const uint32_t* words, size_t count, const Arena& arena, size_t* sent);

  // Fills `out` (kBatchPacketsMax of them); `bytes` has kReceiveBytes and must be the same memory in
  // every call.
  size_t receive_and_open(uint8_t* bytes, Descriptor* out, int wait_us);
  // Whether packets of an earlier system call still wait for the next receive_and_open.
  bool has_pending() const { return slot_ < slots_; }
  const Address* peer_address(uint32_t peer) const { return peers_.address(peer); }

  uint64_t packets_received() const { return packets_received_; }
  uint64_t bytes_received() const { return bytes_received_; }
  uint64_t packets_refused() const { return packets_refused_; }

  // Closes the socket and wipes all keys.
  void close();

 private:
  struct EpochKey {
    uint64_t epoch = 0;
    Aead aead;
  };
  struct Connection {
    uint32_t local_id;
    uint32_t remote_id;
    Address peer;
    EpochKey send[kKeyEpochsHeld];
    EpochKey receive[kKeyEpochsHeld];
  };
  // A stretch of the staging area filled with runs.
  struct Staged {
    UdpSocket::Run runs[UdpSocket::kMessagesMax];
    size_t count = 0;
    size_t packets = 0;
    size_t bytes = 0;
  };

  static constexpr size_t kStagingBytes = 256 * 1024;

  Connection* connection(uint32_t handle) {
    return handle < kConnectionsMax ? connections_[handle].get() : nullptr;
  }
  Aead* key_for(EpochKey* keys, uint64_t number);
  const char* check(const Descriptor& packet, const Arena& arena);
  const char* stage(size_t first, size_t count, const Arena& arena, Staged* staged);
  bool seal(const Descriptor& packet, const Arena& arena, uint8_t* out);
  bool fetch(uint8_t* bytes, int wait_us);
  bool read_packet(uint8_t* packet, size_t size, Descriptor* out);
  bool open_sealed(uint8_t* packet, size_t size, Descriptor* out);

  const int key_epoch_shift_;
  UdpSocket socket_;
  PeerTable peers_;
  std::unique_ptr<Connection> connections_[kConnectionsMax];
  std::unordered_map<uint32_t, uint32_t> handle_by_local_id_;
  uint32_t next_handle_ = 0;

  // The batch is copied before it is checked, so that nobody changes it in between.
  Descriptor batch_[kBatchPacketsMax];
  uint8_t staging_[kStagingBytes];

  // What the last system call brought and was not delivered yet.
  size_t slot_ = 0;
  size_t slots_ = 0;
  size_t slot_at_ = 0;
  size_t slots_wanted_ = UdpSocket::kMessagesMax;
  uint32_t slot_peers_[UdpSocket::kMessagesMax] = {};

  uint64_t packets_received_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t packets_refused_ = 0;
};

}  // namespace jetstream
