// libFuzzer on the native half of a PacketIO: the input is a list of operations on one PacketEngine,
// with datagrams, descriptors and keys of any kind. Checked beside what the sanitizers see: what is
// received lies in its buffer and names a known peer, and a sealed packet opens only if it is whole
// and its key is installed.
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "fed-socket.h"
#include "packet-engine.h"

using jetstream::Address;
using jetstream::Aead;
using jetstream::Cipher;
using jetstream::Descriptor;
using jetstream::PacketEngine;
using jetstream::UdpSocket;

namespace {

constexpr int kEpochShift = 8;
constexpr size_t kArenaBytes = 65536;
constexpr size_t kOperationsMax = 200;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// Bytes of the input, zero when they are used up.
class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : bytes_(bytes), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t u8() {
    if (left_ == 0) return 0;
    left_--;
    return *bytes_++;
  }
  uint32_t u32() { return u8() | u8() << 8 | u8() << 16 | static_cast<uint32_t>(u8()) << 24; }
  // Up to `max` bytes, in memory of their own so that reading beyond them is seen.
  std::vector<uint8_t> take(size_t max) {
    const size_t count = max < left_ ? max : left_;
    std::vector<uint8_t> out(bytes_, bytes_ + count);
    bytes_ += count;
    left_ -= count;
    return out;
  }

 private:
  const uint8_t* bytes_;
  size_t left_;
};

class Run {
 public:
  explicit Run(Input input) : input_(input), engine_(new PacketEngine(kEpochShift)) {}

  void go() {
    for (size_t i = 0; i < kOperationsMax && !input_.empty(); i++) {
      switch (input_.u8() % 8) {
        case 0: open(); break;
        case 1: install(); break;
        case 2: engine_->set_peer(input_.u8(), Address{}); break;
        case 3: close(); break;
        case 4: send(); break;
        case 5: receive(); break;
        default: receive_sealed(); break;
      }
    }
    engine_->close();
  }

 private:
  static constexpr uint8_t kHandles = 8;

  void open() {
    uint32_t handle = 0;
    const uint32_t local_id = input_.u8() % kHandles;
    if (engine_->open_connection(local_id, input_.u32(), Address{}, &handle) != nullptr) return;
    require(handle < jetstream::kConnectionsMax);
    handles_[local_id] = handle;
    opened_[local_id] = true;
    std::memset(&installed_[local_id], 0, sizeof(installed_[local_id]));
  }

  void close() {
    const uint32_t local_id = input_.u8() % kHandles;
    const char* const wrong = engine_->close_connection(handles_[local_id]);
    if (opened_[local_id]) require(wrong == nullptr);
    // One that was never opened may name the handle of another, which is closed then.
    for (size_t i = 0; i < kHandles; i++) {
      if (handles_[i] == handles_[local_id]) opened_[i] = false;
    }
  }

  void install() {
    const uint32_t local_id = input_.u8() % kHandles;
    if (!opened_[local_id]) return;
    const uint8_t mode = input_.u8();
    const bool sealing = (mode & 1) != 0;
    const auto cipher = static_cast<Cipher>(mode >> 1 & 3);
    const uint64_t epoch = input_.u8() % 6;
    const uint8_t fill = static_cast<uint8_t>(epoch + 1);
    uint8_t key[32];
    uint8_t iv[12];
    std::memset(key, fill, sizeof(key));
    std::memset(iv, fill, sizeof(iv));
    require(engine_->install_keys(handles_[local_id], {sealing, epoch, cipher, key, iv}) == nullptr);
    if (!sealing) {
      Installed& held = installed_[local_id][epoch % jetstream::kKeyEpochsHeld];
      held = {true, epoch, cipher};
    }
  }

  void send() {
    const size_t count = input_.u8();
    std::vector<uint32_t> words(count * 9 + 1);
    for (size_t i = 0; i < count; i++) {
      uint32_t* const word = &words[i * 9];
      const uint8_t kind = input_.u8();
      word[0] = handles_[kind % kHandles];
      word[1] = input_.u8();
      word[3] = (kind & 8) != 0 ? input_.u32() : static_cast<uint32_t>(input_.u8()) << 16;
      word[7] = (kind & 16) != 0 ? input_.u32() : input_.u8();
      if ((kind & 32) != 0) word[0] = input_.u32();
      if ((kind & 64) != 0) word[2] = input_.u32();
    }
    fuzz::limit_sends(input_.u8());
    size_t sent = 0;
    const PacketEngine::Arena arena = {arena_->data(), arena_->size()};
    const char* const wrong = engine_->seal_and_send(words.data(), count, arena, &sent);
    require(sent <= count);
    if (wrong != nullptr) require(sent == 0);
  }

  // Fetches everything and checks each packet. Returns how many were sealed ones.
  size_t drain() {
    size_t sealed = 0;
    for (;;) {
      const size_t count = engine_->receive_and_open(received_->data(), out_, 0);
      require(count <= jetstream::kBatchPacketsMax);
      for (size_t i = 0; i < count; i++) {
        const Descriptor& packet = out_[i];
        require(packet.offset + packet.payload_bytes() <= PacketEngine::kReceiveBytes);
        require(engine_->peer_address(packet.peer) != nullptr);
        if (packet.connection == jetstream::kClearHandle) continue;
        require(packet.connection < jetstream::kConnectionsMax);
        sealed++;
      }
      if (!engine_->has_pending()) return sealed;
    }
  }

  void receive() {
    const size_t count = input_.u8() % 5;
    std::vector<std::vector<uint8_t>> contents(count);
    std::vector<fuzz::Fed> messages(count);
    for (size_t i = 0; i < count; i++) {
      const size_t segment = input_.u8() * 4u;
      const uint16_t port = input_.u8();
      contents[i] = input_.take(input_.u8() * 8u);
      messages[i] = {contents[i].data(), contents[i].size(), segment, port};
    }
    fuzz::feed(messages.data(), count);
    drain();
  }

  // A packet as a peer would seal it, changed or not.
  void receive_sealed() {
    const uint32_t local_id = input_.u8() % kHandles;
    const uint64_t number = input_.u8() | (input_.u8() % 6) << kEpochShift;
    const uint8_t mode = input_.u8();
    const auto cipher = static_cast<Cipher>(mode & 3);
    const uint64_t epoch = number >> kEpochShift;
    std::vector<uint8_t> packet(jetstream::kPacketOverheadBytes + input_.u8());
    packet[0] = jetstream::kFirstByteSealed;
    jetstream::put_u32(&packet[4], local_id);
    jetstream::put_u32(&packet[12], static_cast<uint32_t>(number));
    const size_t payload = packet.size() - jetstream::kPacketOverheadBytes;
    jetstream::put_u16(&packet[18], static_cast<uint32_t>(payload));
    uint8_t key[32];
    uint8_t iv[12];
    std::memset(key, static_cast<int>(epoch + 1), sizeof(key));
    std::memset(iv, static_cast<int>(epoch + 1), sizeof(iv));
    Aead aead;
    const uint8_t content[256] = {};
    require(aead.install(cipher, key, iv, true) &&
            aead.seal(packet.data(), packet.size(), content, number));
    const uint8_t change = (mode & 4) != 0 ? input_.u8() : 0;
    const size_t at = input_.u32() % packet.size();
    packet[at] ^= change;
    const Installed& held = installed_[local_id][epoch % jetstream::kKeyEpochsHeld];
    const bool fits = opened_[local_id] && held.there && held.epoch == epoch;
    const fuzz::Fed message = {packet.data(), packet.size(), 0, 7};
    fuzz::feed(&message, 1);
    const size_t opened = drain();
    // Without a cipher nothing protects a packet, so a changed one may open.
    if (held.cipher == Cipher::none) return;
    const bool whole = change == 0 && fits && held.cipher == cipher;
    if (opened != (whole ? 1u : 0u)) {
      // A changed connection id may name another connection; its key is the same only here.
      require(change != 0 && at >= 4 && at < 16);
      require(cipher == Cipher::none);
    }
  }

  struct Installed {
    bool there;
    uint64_t epoch;
    Cipher cipher;
  };

  Input input_;
  std::unique_ptr<PacketEngine> engine_;
  uint32_t handles_[kHandles] = {};
  bool opened_[kHandles] = {};
  Installed installed_[kHandles][jetstream::kKeyEpochsHeld] = {};
  Descriptor out_[jetstream::kBatchPacketsMax];
  static std::vector<uint8_t>* const arena_;
  static std::vector<uint8_t>* const received_;
};

std::vector<uint8_t>* const Run::arena_ = new std::vector<uint8_t>(kArenaBytes);
std::vector<uint8_t>* const Run::received_ = new std::vector<uint8_t>(PacketEngine::kReceiveBytes);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::make_unique<Run>(Input(bytes, size))->go();
  return 0;
}
