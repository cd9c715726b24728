#include "packet-engine.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace jetstream {

namespace {

constexpr const char* kUnknownConnection = "the connection is not open";

}  // namespace

const char* PacketEngine::open_connection(uint32_t local_id, uint32_t remote_id,
                                          const Address& peer, uint32_t* handle) {
  if (handle_by_local_id_.count(local_id) != 0) return "the local connection id is taken";
  if (handle_by_local_id_.size() >= kConnectionsMax) return "no connection handle is free";
  // Handles go round, so that one just closed is not soon mistaken for another connection.
  while (connections_[next_handle_] != nullptr) next_handle_ = (next_handle_ + 1) % kConnectionsMax;
  auto made = std::unique_ptr<Connection>(new (std::nothrow) Connection{});
  if (made == nullptr) return "out of memory";
  made->local_id = local_id;
  made->remote_id = remote_id;
  made->peer = peer;
  *handle = next_handle_;
  handle_by_local_id_[local_id] = next_handle_;
  connections_[next_handle_] = std::move(made);
  next_handle_ = (next_handle_ + 1) % kConnectionsMax;
  return nullptr;
}

const char* PacketEngine::set_peer(uint32_t handle, const Address& peer) {
  Connection* const found = connection(handle);
  if (found == nullptr) return kUnknownConnection;
  found->peer = peer;
  return nullptr;
}

const char* PacketEngine::install_keys(uint32_t handle, const Keys& keys) {
  Connection* const found = connection(handle);
  if (found == nullptr) return kUnknownConnection;
  EpochKey* const side = keys.for_sealing ? found->send : found->receive;
  EpochKey& slot = side[keys.epoch % kKeyEpochsHeld];
  slot.epoch = keys.epoch;
  if (!slot.aead.install(keys.cipher, keys.key, keys.iv, keys.for_sealing)) {
    return "OpenSSL refuses the key";
  }
  return nullptr;
}

const char* PacketEngine::close_connection(uint32_t handle) {
  Connection* const found = connection(handle);
  if (found == nullptr) return kUnknownConnection;
  handle_by_local_id_.erase(found->local_id);
  connections_[handle].reset();
  return nullptr;
}

void PacketEngine::close() {
  socket_.close();
  handle_by_local_id_.clear();
  for (auto& slot : connections_) slot.reset();
  OPENSSL_cleanse(staging_, sizeof(staging_));
  slot_ = slots_ = 0;
}

Aead* PacketEngine::key_for(EpochKey* keys, uint64_t number) {
  const uint64_t epoch = number >> key_epoch_shift_;
  EpochKey& slot = keys[epoch % kKeyEpochsHeld];
  return slot.epoch == epoch && slot.aead.installed() ? &slot.aead : nullptr;
}

const char* PacketEngine::check(const Descriptor& packet, const Arena& arena) {
  Connection* const found = connection(packet.connection);
  if (found == nullptr) return kUnknownConnection;
  if (packet.payload_bytes() > kPayloadBytesMax) return "the payload is too long";
  if (packet.offset > arena.size || packet.payload_bytes() > arena.size - packet.offset) {
    return "the payload lies outside the arena";
  }
  if (key_for(found->send, packet.number()) == nullptr) return "no key for this packet number";
  return nullptr;
}

const char* PacketEngine::seal_and_send(const uint32_t* words, size_t count, const Arena& arena,
                                        size_t* sent) {
  *sent = 0;
  std::memcpy(batch_, words, count * sizeof(Descriptor));
  for (size_t i = 0; i < count; i++) {
    const char* const wrong = check(batch_[i], arena);
    if (wrong != nullptr) return wrong;
  }
  if (!socket_.has_room()) return nullptr;
  while (*sent < count) {
    Staged staged;
    const char* const wrong = stage(*sent, count, arena, &staged);
    if (wrong != nullptr) return wrong;
    const size_t left = socket_.send(staged.runs, staged.count);
    *sent += left;
    if (left < staged.packets) break;
  }
  return nullptr;
}

// Seals packets from `first` on into the staging area until it or the system call is full.
const char* PacketEngine::stage(size_t first, size_t count, const Arena& arena, Staged* staged) {
  size_t next = first;
  while (next < count && staged->count < UdpSocket::kMessagesMax) {
    const Descriptor& head = batch_[next];
    const size_t packet_bytes = head.packet_bytes();
    if (staged->bytes + packet_bytes > kStagingBytes) break;
    const size_t run_bytes_max = std::min(UdpSocket::kRunBytesMax, kStagingBytes - staged->bytes);
    const size_t packets_max = socket_.gso() ? UdpSocket::kSegmentsMax : 1;
    UdpSocket::Run& run = staged->runs[staged->count++];
    run = {&connection(head.connection)->peer, staging_ + staged->bytes, 0, packet_bytes, 0};
    while (next < count && run.packets < packets_max) {
      const Descriptor& packet = batch_[next];
      const size_t size = packet.packet_bytes();
      if (packet.connection != head.connection || size > packet_bytes) break;
      if (run.packets > 0 && run.total_bytes + size > run_bytes_max) break;
      if (!seal(packet, arena, staging_ + staged->bytes)) return "OpenSSL cannot seal a packet";
      staged->bytes += size;
      staged->packets++;
      run.total_bytes += size;
      run.packets++;
      next++;
      if (size < packet_bytes) break;
    }
  }
  return nullptr;
}

bool PacketEngine::seal(const Descriptor& packet, const Arena& arena, uint8_t* out) {
  Connection* const from = connection(packet.connection);
  const uint64_t number = packet.number();
  put_u32(out, static_cast<uint32_t>(kFirstByteSealed) << 24);
  put_u32(out + 4, from->remote_id);
  put_u32(out + 8, packet.number_high);
  put_u32(out + 12, packet.number_low);
  uint8_t* const inner = out + kHeaderBytes;
  inner[0] = static_cast<uint8_t>(packet.kind);
  inner[1] = static_cast<uint8_t>(packet.kind >> 8);
  put_u16(inner + 2, packet.kind >> 16);
  put_u16(inner + 4, packet.place);
  put_u16(inner + 6, packet.place >> 16);
  put_u32(inner + 8, packet.position_high);
  put_u32(inner + 12, packet.position_low);
  const uint8_t* const payload = arena.bytes + packet.offset;
  return key_for(from->send, number)->seal(out, packet.packet_bytes(), payload, number);
}

size_t PacketEngine::receive_and_open(uint8_t* bytes, Descriptor* out, int wait_us) {
  if (!has_pending() && !fetch(bytes, wait_us)) return 0;
  size_t count = 0;
  while (has_pending() && count < kBatchPacketsMax) {
    const UdpSocket::Message& message = socket_.message(slot_);
    const size_t left = message.total_bytes - slot_at_;
    const size_t size = std::min(left, message.segment_bytes);
    const size_t at = slot_ * UdpSocket::kSlotBytes + slot_at_;
    Descriptor& packet = out[count];
    if (size > 0 && read_packet(bytes + at, size, &packet)) {
      packet.offset = static_cast<uint32_t>(at) +
                      (packet.connection == kClearHandle ? 0 : kHeaderBytes + kInnerHeaderBytes);
      packet.peer = slot_peers_[slot_];
      packets_received_++;
      bytes_received_ += size;
      count++;
    } else {
      packets_refused_++;
    }
    slot_at_ += size;
    if (slot_at_ >= message.total_bytes) {
      slot_++;
      slot_at_ = 0;
    }
  }
  return count;
}

bool PacketEngine::fetch(uint8_t* bytes, int wait_us) {
  slot_ = slot_at_ = 0;
  slots_ = socket_.receive(bytes, slots_wanted_, wait_us);
  if (slots_ == 0) return false;
  peers_.begin();
  size_t packets = 0;
  for (size_t i = 0; i < slots_; i++) {
    const UdpSocket::Message& message = socket_.message(i);
    slot_peers_[i] = peers_.handle(message.address);
    packets += 1 + message.total_bytes / std::max<size_t>(message.segment_bytes, 1);
  }
  // Asking for about one batch keeps its bytes in the processor's cache until they are opened.
  slots_wanted_ = std::clamp<size_t>(kBatchPacketsMax * slots_ / packets, 4,
                                     UdpSocket::kMessagesMax);
  return true;
}

bool PacketEngine::read_packet(uint8_t* packet, size_t size, Descriptor* out) {
  if (packet[0] == kFirstByteSealed) return open_sealed(packet, size, out);
  if (packet[0] != kFirstByteClear || size > kDatagramBytesMax) return false;
  const bool numbered = size >= kHeaderBytes;
  *out = {};
  out->connection = kClearHandle;
  out->number_high = numbered ? get_u32(packet + 8) : 0;
  out->number_low = numbered ? get_u32(packet + 12) : 0;
  out->kind = static_cast<uint32_t>(size) << 16;
  return true;
}

bool PacketEngine::open_sealed(uint8_t* packet, size_t size, Descriptor* out) {
  if (size < kPacketOverheadBytes || size > kPayloadBytesMax + kPacketOverheadBytes) return false;
  if (get_u32(packet) != static_cast<uint32_t>(kFirstByteSealed) << 24) return false;
  const auto found = handle_by_local_id_.find(get_u32(packet + 4));
  if (found == handle_by_local_id_.end()) return false;
  out->number_high = get_u32(packet + 8);
  out->number_low = get_u32(packet + 12);
  Aead* const key = key_for(connections_[found->second]->receive, out->number());
  if (key == nullptr || !key->open(packet, size, out->number())) return false;
  const uint8_t* const inner = packet + kHeaderBytes;
  const uint32_t payload_bytes = get_u16(inner + 2);
  if (payload_bytes != size - kPacketOverheadBytes) return false;
  out->connection = found->second;
  out->kind = inner[0] | static_cast<uint32_t>(inner[1]) << 8 | payload_bytes << 16;
  out->place = get_u16(inner + 4) | get_u16(inner + 6) << 16;
  out->position_high = get_u32(inner + 8);
  out->position_low = get_u32(inner + 12);
  return true;
}

}  // namespace jetstream
