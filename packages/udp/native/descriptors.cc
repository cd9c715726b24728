#include "descriptors.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <climits>
#include <ctime>

#include "napi-values.h"

namespace jetstream {

namespace {

// Descriptors that one message may carry, and sockets that are waited for at once.
constexpr size_t kDescriptorsMax = 4;
constexpr size_t kWaitMax = 256;

napi_value throw_errno(napi_env env, const char* action, int error) {
  return throw_error(env, action, uv_strerror(-error), uv_err_name(-error));
}

int64_t now_ms() {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

// Waits until a socket is ready or `end` has passed; 0 when ready, else an errno. An interrupted
// wait goes on, so that a signal shortens no time limit and lengthens none.
int wait_for(int descriptor, short events, int64_t end) {
  for (;;) {
    const int64_t left = end - now_ms();
    pollfd entry = {descriptor, events, 0};
    const int ready = poll(&entry, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

// socketPair(): two ends, close-on-exec
napi_value socket_pair(napi_env env, napi_callback_info info) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return throw_errno(env, "make a pair of sockets", errno);
  }
  napi_value out = nullptr;
  napi_create_array_with_length(env, 2, &out);
  for (uint32_t at = 0; at < 2; at++) napi_set_element(env, out, at, make_number(env, ends[at]));
  return out;
}

// sendMessage(socket, bytes, descriptors: Uint32Array, timeoutMs)
napi_value send_message(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int socket = -1;
  Bytes bytes;
  Bytes descriptors;
  int64_t timeout_ms = 0;
  if (!arguments.number(0, 0, INT_MAX, &socket) || !arguments.bytes(1, &bytes) ||
      !arguments.words(2, &descriptors) || !arguments.integer(3, 0, INT_MAX, &timeout_ms)) {
    return nullptr;
  }
  const size_t count = descriptors.size / sizeof(uint32_t);
  if (count > kDescriptorsMax || bytes.size == 0) {
    return throw_errno(env, "send a message", EINVAL);
  }
  iovec part = {bytes.data, bytes.size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptorsMax)] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(header), descriptors.data, sizeof(int) * count);
  }
  const int64_t end = now_ms() + timeout_ms;
  for (;;) {
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return nullptr;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) break;
    const int error = wait_for(socket, POLLOUT, end);
    if (error != 0) return throw_errno(env, "send a message", error);
  }
  return throw_errno(env, "send a message", errno);
}

void close_all(const int* descriptors, size_t count) {
  for (size_t at = 0; at < count; at++) close(descriptors[at]);
}

// Descriptors of a message, all close-on-exec; more than `most` are closed and count as too many.
bool take_descriptors(msghdr* message, int* out, size_t* count) {
  bool fits = (message->msg_flags & MSG_CTRUNC) == 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t at = 0; at < here; at++) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + at * sizeof(int), sizeof(int));
      if (*count < kDescriptorsMax) {
        out[(*count)++] = descriptor;
      } else {
        close(descriptor);
        fits = false;
      }
    }
  }
  return fits;
}

// receiveMessage(socket, into, descriptors: Uint32Array, timeoutMs): bytes of the message, 0 when
// the other side is closed. The first word of `descriptors` becomes how many came, the rest are them.
napi_value receive_message(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int socket = -1;
  Bytes into;
  Bytes descriptors;
  int64_t timeout_ms = 0;
  if (!arguments.number(0, 0, INT_MAX, &socket) || !arguments.bytes(1, &into) ||
      !arguments.words(2, &descriptors) || !arguments.integer(3, 0, INT_MAX, &timeout_ms)) {
    return nullptr;
  }
  if (descriptors.size < sizeof(uint32_t) * (1 + kDescriptorsMax)) {
    return throw_errno(env, "receive a message", EINVAL);
  }
  iovec part = {into.data, into.size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const int64_t end = now_ms() + timeout_ms;
  ssize_t size = -1;
  for (;;) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size >= 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return throw_errno(env, "receive a message", errno);
    const int error = wait_for(socket, POLLIN, end);
    if (error != 0) return throw_errno(env, "receive a message", error);
  }
  int received[kDescriptorsMax];
  size_t count = 0;
  const bool fits = take_descriptors(&message, received, &count);
  if (!fits || (message.msg_flags & MSG_TRUNC) != 0) {
    close_all(received, count);
    return throw_errno(env, "receive a message", EMSGSIZE);
  }
  auto* words = reinterpret_cast<uint32_t*>(descriptors.data);
  words[0] = static_cast<uint32_t>(count);
  for (size_t at = 0; at < count; at++) words[1 + at] = static_cast<uint32_t>(received[at]);
  return make_number(env, static_cast<double>(size));
}

// waitReadable(sockets: Uint32Array, ready: Uint8Array, timeoutMs): how many are readable or closed;
// `ready` gets a 1 for each of them
napi_value wait_readable(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Bytes sockets;
  Bytes ready;
  int64_t timeout_ms = 0;
  if (!arguments.words(0, &sockets) || !arguments.bytes(1, &ready) ||
      !arguments.integer(2, 0, INT_MAX, &timeout_ms)) {
    return nullptr;
  }
  const size_t count = sockets.size / sizeof(uint32_t);
  if (count > kWaitMax || ready.size < count) return throw_errno(env, "wait", EINVAL);
  pollfd entries[kWaitMax];
  const auto* words = reinterpret_cast<const uint32_t*>(sockets.data);
  for (size_t at = 0; at < count; at++) {
    entries[at] = {static_cast<int>(words[at]), POLLIN, 0};
  }
  int found = poll(entries, count, static_cast<int>(timeout_ms));
  if (found < 0 && errno != EINTR) return throw_errno(env, "wait", errno);
  for (size_t at = 0; at < count; at++) ready.data[at] = found > 0 && entries[at].revents != 0;
  return make_number(env, found > 0 ? found : 0);
}

}  // namespace

void export_descriptors(napi_env env, napi_value exports) {
  set_function(env, exports, "socketPair", socket_pair);
  set_function(env, exports, "sendMessage", send_message);
  set_function(env, exports, "receiveMessage", receive_message);
  set_function(env, exports, "waitReadable", wait_readable);
}

}  // namespace jetstream
