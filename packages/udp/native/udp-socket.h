// A non-blocking UDP socket that moves batches: sendmmsg with segmentation offload (GSO) and
// recvmmsg with receive offload (GRO), each used only while the kernel accepts it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>

namespace jetstream {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t bytes;
};

// Reads numeric text ('127.0.0.1', '::1', 'fe80::1%eth0') for a socket of `family`; an IPv4 address
// is mapped for a dual-stack socket.
bool parse_address(const char* text, uint16_t port, int family, Address* out);
// Writes numeric text; a mapped address comes out as IPv4. `text` has at least kAddressTextBytes.
bool format_address(const Address& address, char* text, uint16_t* port);
constexpr size_t kAddressTextBytes = 80;

// Where and why opening failed.
struct OpenFailure {
  int error = 0;
  const char* step = "";
};

class UdpSocket {
 public:
  // Most datagrams, or runs of segments, of one system call.
  static constexpr size_t kMessagesMax = 64;
  // Most packets that may share one message with GSO, and their bytes together.
  static constexpr size_t kSegmentsMax = 64;
  static constexpr size_t kRunBytesMax = 65487;
  // Room for one received message; GRO joins at most this much.
  static constexpr size_t kSlotBytes = 65536;

  // Equal-sized packets (the last may be shorter) for one address.
  struct Run {
    const Address* address;
    const uint8_t* bytes;
    size_t total_bytes;
    size_t packet_bytes;
    size_t packets;
  };

  // One received datagram, or several of `segment_bytes` joined by the kernel.
  struct Message {
    Address address;
    size_t total_bytes;
    size_t segment_bytes;
  };

  struct Counts {
    uint64_t packets_sent = 0;
    uint64_t bytes_sent = 0;
    uint64_t send_blocked = 0;
    uint64_t send_calls = 0;
    uint64_t receive_calls = 0;
  };

  UdpSocket() = default;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket() { close(); }

  bool open(const char* address, uint16_t port, int buffer_bytes, OpenFailure* failure);
  void close();

  int descriptor() const { return descriptor_; }
  int family() const { return family_; }
  bool gso() const { return gso_; }
  bool gro() const { return gro_; }
  int buffer_bytes(int option) const;
  uint64_t drops() const;
  bool local_address(Address* out) const;
  const Counts& counts() const { return counts_; }

  // Sends runs in order; returns how many packets left or were lost on the way. Fewer than were
  // given means that the socket has no room.
  size_t send(const Run* runs, size_t count);
  // False while a socket that had no room is still full: sealing for it would be wasted.
  bool has_room();
  void send_one(const Address& address, const uint8_t* bytes, size_t size);

  // Receives up to `slots_max` messages into slots of kSlotBytes; waits up to `wait_us` for the
  // first. Returns how many.
  size_t receive(uint8_t* slots, size_t slots_max, int wait_us);
  const Message& message(size_t slot) const { return messages_[slot]; }

 private:
  void note_blocked();
  bool send_packets(const Run& run, size_t* sent);
  void prepare_receive(uint8_t* slots, size_t count);
  size_t read_messages(size_t slots_max);

  int descriptor_ = -1;
  int family_ = AF_INET;
  bool gso_ = false;
  bool gro_ = false;
  bool blocked_ = false;
  Counts counts_;

  union Control {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  };
  mmsghdr send_headers_[kMessagesMax];
  iovec send_vectors_[kMessagesMax];
  Control send_control_[kMessagesMax];
  mmsghdr receive_headers_[kMessagesMax];
  iovec receive_vectors_[kMessagesMax];
  Control receive_control_[kMessagesMax];
  Message messages_[kMessagesMax];
};

}  // namespace jetstream
