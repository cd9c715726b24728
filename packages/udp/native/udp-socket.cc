#include "udp-socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

// Older C libraries lack these; the kernel decides at run time.
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace jetstream {

namespace {

// Index of the drop counter in what SO_MEMINFO answers, and the length of the answer.
constexpr size_t kMemoryDrops = 8;
constexpr size_t kMemoryValues = 9;

void set_buffer(int descriptor, int force_option, int option, int bytes) {
  // The forced kind passes the system's limit, and needs CAP_NET_ADMIN.
  if (setsockopt(descriptor, SOL_SOCKET, force_option, &bytes, sizeof(bytes)) == 0) return;
  setsockopt(descriptor, SOL_SOCKET, option, &bytes, sizeof(bytes));
}

bool set_option(int descriptor, int level, int option, int value) {
  return setsockopt(descriptor, level, option, &value, sizeof(value)) == 0;
}

bool means_no_room(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

bool parse_address(const char* text, uint16_t port, int family, Address* out) {
  std::memset(out, 0, sizeof(*out));
  in_addr v4;
  if (inet_pton(AF_INET, text, &v4) == 1) {
    if (family == AF_INET) {
      out->v4.sin_family = AF_INET;
      out->v4.sin_addr = v4;
      out->v4.sin_port = htons(port);
      out->bytes = sizeof(out->v4);
      return true;
    }
    out->v6.sin6_addr.s6_addr[10] = 0xff;
    out->v6.sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(&out->v6.sin6_addr.s6_addr[12], &v4, sizeof(v4));
  } else if (family == AF_INET) {
    return false;
  } else if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) != 1) {
    // Only text with a scope ('fe80::1%eth0') comes here.
    addrinfo hints = {};
    hints.ai_family = AF_INET6;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    if (getaddrinfo(text, nullptr, &hints, &found) != 0) return false;
    std::memcpy(&out->v6, found->ai_addr, sizeof(out->v6));
    freeaddrinfo(found);
  }
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons(port);
  out->bytes = sizeof(out->v6);
  return true;
}

bool format_address(const Address& address, char* text, uint16_t* port) {
  if (address.any.sa_family == AF_INET) {
    *port = ntohs(address.v4.sin_port);
    return inet_ntop(AF_INET, &address.v4.sin_addr, text, kAddressTextBytes) != nullptr;
  }
  *port = ntohs(address.v6.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
    const uint8_t* v4 = &address.v6.sin6_addr.s6_addr[12];
    return inet_ntop(AF_INET, v4, text, kAddressTextBytes) != nullptr;
  }
  // Unlike inet_ntop, this keeps the scope of a link-local address.
  return getnameinfo(&address.any, address.bytes, text, kAddressTextBytes, nullptr, 0,
                     NI_NUMERICHOST) == 0;
}

bool UdpSocket::open(const char* address, uint16_t port, int buffer_bytes, OpenFailure* failure) {
  const auto fail = [&](const char* step, int error) {
    close();
    failure->error = error;
    failure->step = step;
    return false;
  };
  Address local;
  in_addr v4;
  family_ = inet_pton(AF_INET, address, &v4) == 1 ? AF_INET : AF_INET6;
  if (!parse_address(address, port, family_, &local)) return fail("read the address", EINVAL);
  descriptor_ = socket(family_, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor_ < 0) return fail("socket", errno);
  if (family_ == AF_INET6) {
    set_option(descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(descriptor_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
  }
  // On a dual-stack socket this one governs the mapped addresses.
  set_option(descriptor_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
  set_buffer(descriptor_, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
  set_buffer(descriptor_, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
  if (bind(descriptor_, &local.any, local.bytes) != 0) return fail("bind", errno);
  // A segment size set and taken back shows whether the kernel knows the option at all.
  gso_ = set_option(descriptor_, IPPROTO_UDP, UDP_SEGMENT, 1200) &&
         set_option(descriptor_, IPPROTO_UDP, UDP_SEGMENT, 0);
  gro_ = set_option(descriptor_, IPPROTO_UDP, UDP_GRO, 1);
  return true;
}

void UdpSocket::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

int UdpSocket::buffer_bytes(int option) const {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  if (getsockopt(descriptor_, SOL_SOCKET, option, &bytes, &size) != 0) return 0;
  return bytes / 2;  // Linux answers twice what it was asked for.
}

uint64_t UdpSocket::drops() const {
  uint32_t values[kMemoryValues] = {};
  socklen_t size = sizeof(values);
  if (getsockopt(descriptor_, SOL_SOCKET, SO_MEMINFO, values, &size) != 0) return 0;
  return values[kMemoryDrops];
}

bool UdpSocket::local_address(Address* out) const {
  std::memset(out, 0, sizeof(*out));
  out->bytes = sizeof(out->v6);
  return getsockname(descriptor_, &out->any, &out->bytes) == 0;
}

size_t UdpSocket::send(const Run* runs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const Run& run = runs[i];
    send_vectors_[i] = {const_cast<uint8_t*>(run.bytes), run.total_bytes};
    msghdr& header = send_headers_[i].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr*>(&run.address->any);
    header.msg_namelen = run.address->bytes;
    header.msg_iov = &send_vectors_[i];
    header.msg_iovlen = 1;
    if (run.packets == 1) continue;
    const uint16_t segment = static_cast<uint16_t>(run.packet_bytes);
    header.msg_control = &send_control_[i];
    header.msg_controllen = CMSG_SPACE(sizeof(segment));
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(segment));
    std::memcpy(CMSG_DATA(control), &segment, sizeof(segment));
  }
  size_t sent = 0;
  size_t next = 0;
  while (next < count) {
    const int taken = sendmmsg(descriptor_, &send_headers_[next], count - next, MSG_DONTWAIT);
    const int error = errno;
    counts_.send_calls++;
    if (taken > 0) {
      for (const size_t end = next + taken; next < end; next++) {
        sent += runs[next].packets;
        counts_.packets_sent += runs[next].packets;
        counts_.bytes_sent += runs[next].total_bytes;
      }
      continue;
    }
    if (taken < 0 && error == EINTR) continue;
    if (taken == 0 || means_no_room(error)) {
      note_blocked();
      return sent;
    }
    // Either the path refuses this run, or the run refuses offload: its packets tell which.
    const uint64_t bytes_before = counts_.bytes_sent;
    if (!send_packets(runs[next], &sent)) return sent;
    const bool full_one_passed = counts_.bytes_sent - bytes_before >= runs[next].packet_bytes;
    if (runs[next].packets > 1 && error != EMSGSIZE && full_one_passed) gso_ = false;
    next++;
  }
  return sent;
}

void UdpSocket::note_blocked() {
  blocked_ = true;
  counts_.send_blocked++;
}

bool UdpSocket::has_room() {
  if (!blocked_) return true;
  pollfd ready = {descriptor_, POLLOUT, 0};
  counts_.send_calls++;
  blocked_ = ::poll(&ready, 1, 0) == 0;
  if (blocked_) counts_.send_blocked++;
  return !blocked_;
}

// Sends a run packet by packet. False when the socket has no room. A packet that the system refuses
// counts as sent, but its bytes do not.
bool UdpSocket::send_packets(const Run& run, size_t* sent) {
  for (size_t at = 0; at < run.total_bytes;) {
    const size_t size = std::min(run.packet_bytes, run.total_bytes - at);
    const ssize_t taken = sendto(descriptor_, run.bytes + at, size, MSG_DONTWAIT,
                                 &run.address->any, run.address->bytes);
    counts_.send_calls++;
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && means_no_room(errno)) {
      note_blocked();
      return false;
    }
    at += size;
    ++*sent;
    counts_.packets_sent++;
    if (taken >= 0) counts_.bytes_sent += size;
  }
  return true;
}

void UdpSocket::send_one(const Address& address, const uint8_t* bytes, size_t size) {
  size_t sent = 0;
  send_packets({&address, bytes, size, size, 1}, &sent);
}

size_t UdpSocket::receive(uint8_t* slots, size_t slots_max, int wait_us) {
  const size_t wanted = std::min(slots_max, kMessagesMax);
  prepare_receive(slots, wanted);
  const size_t there = read_messages(wanted);
  if (there > 0 || wait_us <= 0) return there;
  pollfd ready = {descriptor_, POLLIN, 0};
  const timespec wait = {wait_us / 1000000, wait_us % 1000000 * 1000L};
  counts_.receive_calls++;
  // An interrupted wait ends early, like one that ran out: the caller comes again anyway.
  if (ppoll(&ready, 1, &wait, nullptr) <= 0) return 0;
  return read_messages(wanted);
}

void UdpSocket::prepare_receive(uint8_t* slots, size_t count) {
  for (size_t i = 0; i < count; i++) {
    receive_vectors_[i] = {slots + i * kSlotBytes, kSlotBytes};
    msghdr& header = receive_headers_[i].msg_hdr;
    header = {};
    header.msg_name = &messages_[i].address.any;
    header.msg_namelen = sizeof(messages_[i].address.v6);
    header.msg_iov = &receive_vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = &receive_control_[i];
    header.msg_controllen = sizeof(receive_control_[i]);
  }
}

size_t UdpSocket::read_messages(size_t slots_max) {
  counts_.receive_calls++;
  const int got = recvmmsg(descriptor_, receive_headers_, slots_max, MSG_DONTWAIT, nullptr);
  if (got <= 0) return 0;
  for (int i = 0; i < got; i++) {
    msghdr& header = receive_headers_[i].msg_hdr;
    Message& message = messages_[i];
    message.address.bytes = header.msg_namelen;
    message.total_bytes = std::min<size_t>(receive_headers_[i].msg_len, kSlotBytes);
    message.segment_bytes = message.total_bytes;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(c), sizeof(segment));
      if (segment > 0) message.segment_bytes = segment;
    }
  }
  return got;
}

}  // namespace jetstream
