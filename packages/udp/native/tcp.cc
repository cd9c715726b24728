#include "tcp.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "napi-values.h"

namespace jetstream {

namespace {

// Longest name of a congestion control, with its end: TCP_CA_NAME_MAX of the kernel.
constexpr size_t kNameSize = 16;

napi_value throw_errno(napi_env env, const char* action, int error) {
  return throw_error(env, action, uv_strerror(-error), uv_err_name(-error));
}

napi_value duplicate_descriptor(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int descriptor = -1;
  if (!arguments.number(0, 0, INT_MAX, &descriptor)) return nullptr;
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return throw_errno(env, "duplicate a descriptor", errno);
  return make_number(env, copy);
}

napi_value set_congestion_control(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int descriptor = -1;
  if (!arguments.number(0, 0, INT_MAX, &descriptor)) return nullptr;
  char name[kNameSize] = {};
  if (!arguments.text(1, name, sizeof(name))) return nullptr;
  const auto size = static_cast<socklen_t>(std::strlen(name));
  if (setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name, size) != 0) {
    return throw_errno(env, "set the congestion control", errno);
  }
  return nullptr;
}

}  // namespace

void export_tcp(napi_env env, napi_value exports) {
  set_function(env, exports, "duplicateDescriptor", duplicate_descriptor);
  set_function(env, exports, "setCongestionControl", set_congestion_control);
}

}  // namespace jetstream
