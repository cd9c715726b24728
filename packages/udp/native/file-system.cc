#include "file-system.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <climits>

#include "napi-values.h"

namespace jetstream {

namespace {

// A rename beside a confined walk makes openat2 answer EAGAIN; it asks to be called again.
constexpr int kOpenAttemptsMax = 64;

napi_value throw_errno(napi_env env, const char* action, int error) {
  return throw_error(env, action, uv_strerror(-error), uv_err_name(-error));
}

// A path as text or, since names on disk need not be UTF-8, as bytes.
bool read_path(const Arguments& arguments, size_t at, char* out) {
  napi_env const env = arguments.env;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.values[at], &type);
  size_t size = 0;
  if (type == napi_string) {
    napi_get_value_string_utf8(env, arguments.values[at], out, PATH_MAX, &size);
  } else {
    Bytes path;
    if (!arguments.bytes(at, &path)) return false;
    size = path.size;
    if (size > 0 && size < PATH_MAX) std::memcpy(out, path.data, size);
  }
  // Text is cut at the capacity, so one that fills it may be longer; multi-byte characters may
  // leave up to three bytes free.
  const size_t longest = type == napi_string ? PATH_MAX - 4 : PATH_MAX - 1;
  if (size == 0 || size > longest) {
    throw_errno(env, "use a path", size == 0 ? ENOENT : ENAMETOOLONG);
    return false;
  }
  if (std::memchr(out, 0, size) != nullptr) {
    throw_errno(env, "use a path with a NUL byte", EINVAL);
    return false;
  }
  out[size] = 0;
  return true;
}

bool read_mode(const Arguments& arguments, size_t at, uint64_t* mode) {
  napi_valuetype type = napi_undefined;
  napi_typeof(arguments.env, arguments.values[at], &type);
  *mode = 0666;
  return type == napi_undefined || arguments.number(at, 0, 07777, mode);
}

napi_value sync_file_system(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int descriptor = -1;
  if (!arguments.number(0, 0, INT_MAX, &descriptor)) return nullptr;
  if (syncfs(descriptor) != 0) return throw_errno(env, "sync a file system", errno);
  return nullptr;
}

napi_value open_beneath(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char path[PATH_MAX];
  int directory = -1;
  uint64_t flags = 0;
  uint64_t mode = 0;
  if (!arguments.number(0, 0, INT_MAX, &directory) || !read_path(arguments, 1, path) ||
      !arguments.number(2, 0, INT_MAX, &flags) || !read_mode(arguments, 3, &mode)) {
    return nullptr;
  }
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  // openat2 refuses a mode where nothing can be created.
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < kOpenAttemptsMax; attempt++) {
    const long opened = syscall(SYS_openat2, directory, path, &how, sizeof(how));
    if (opened >= 0) return make_number(env, static_cast<double>(opened));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return throw_errno(env, "open beneath a directory", errno);
}

napi_value drop_page_cache(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  int descriptor = -1;
  if (!arguments.number(0, 0, INT_MAX, &descriptor)) return nullptr;
  const int error = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) return throw_errno(env, "drop the page cache", error);
  return nullptr;
}

napi_value rename_no_replace(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char source[PATH_MAX];
  char target[PATH_MAX];
  int source_directory = -1;
  int target_directory = -1;
  if (!arguments.number(0, 0, INT_MAX, &source_directory) || !read_path(arguments, 1, source) ||
      !arguments.number(2, 0, INT_MAX, &target_directory) || !read_path(arguments, 3, target)) {
    return nullptr;
  }
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE, which older C libraries do not name
  if (syscall(SYS_renameat2, source_directory, source, target_directory, target, kNoReplace) != 0) {
    return throw_errno(env, "rename without replacing", errno);
  }
  return nullptr;
}

}  // namespace

void export_file_system(napi_env env, napi_value exports) {
  set_function(env, exports, "syncFileSystem", sync_file_system);
  set_function(env, exports, "openBeneath", open_beneath);
  set_function(env, exports, "dropPageCache", drop_page_cache);
  set_function(env, exports, "renameNoReplace", rename_no_replace);
}

}  // namespace jetstream
