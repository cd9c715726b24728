#include "privileges.h"

#include <dlfcn.h>
#include <sys/prctl.h>
#include <uv.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "napi-values.h"

namespace jetstream {

namespace {

napi_value throw_errno(napi_env env, const char* action, int error) {
  return throw_error(env, action, uv_strerror(-error), uv_err_name(-error));
}

// forbidNewPrivileges(): neither this thread nor what it starts gains rights by exec any more
napi_value forbid_new_privileges(napi_env env, napi_callback_info info) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return throw_errno(env, "forbid new privileges", errno);
  }
  return nullptr;
}

// hideMemory(): no core dump, and no tracing by processes of the same user
napi_value hide_memory(napi_env env, napi_callback_info info) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return throw_errno(env, "hide memory", errno);
  return nullptr;
}

// libpam is opened at run time, so that building needs no headers and machines without it run. Its
// interface is that of the X/Open single sign-on specification; the numbers are Linux-PAM's.
struct PamMessage {
  int style;
  const char* text;
};
struct PamResponse {
  char* text;
  int code;
};
struct PamConversation {
  int (*converse)(int, const PamMessage**, PamResponse**, void*);
  void* data;
};
constexpr int kPamSuccess = 0;
constexpr int kPamConversationError = 19;
constexpr int kPromptHidden = 1;
constexpr int kPromptShown = 2;
constexpr int kUserItem = 2;
constexpr int kRemoteHostItem = 4;
constexpr int kFailDelayItem = 10;
constexpr int kMessagesMax = 8;
constexpr size_t kTextMax = 2048;

struct Pam {
  int (*start)(const char*, const char*, const PamConversation*, void**);
  int (*end)(void*, int);
  int (*authenticate)(void*, int);
  int (*account)(void*, int);
  int (*set_item)(void*, int, const void*);
  int (*get_item)(const void*, int, const void**);

  bool load() {
    void* library = dlopen("libpam.so.0", RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) return false;
    const auto find = [library](const char* name, auto* out) {
      *out = reinterpret_cast<std::remove_pointer_t<decltype(out)>>(dlsym(library, name));
      return *out != nullptr;
    };
    return find("pam_start", &start) && find("pam_end", &end) &&
           find("pam_authenticate", &authenticate) && find("pam_acct_mgmt", &account) &&
           find("pam_set_item", &set_item) && find("pam_get_item", &get_item);
  }
};

// Answers every hidden question with the password; any other question ends the check, because
// nobody is there to answer it.
int converse(int count, const PamMessage** messages, PamResponse** out, void* data) {
  const auto* password = static_cast<const std::string*>(data);
  if (count < 1 || count > kMessagesMax) return kPamConversationError;
  auto* responses = static_cast<PamResponse*>(calloc(count, sizeof(PamResponse)));
  if (responses == nullptr) return kPamConversationError;
  bool answered = true;
  for (int at = 0; at < count; at++) {
    if (messages[at]->style == kPromptHidden && password != nullptr) {
      responses[at].text = strdup(password->c_str());
      answered = answered && responses[at].text != nullptr;
    } else if (messages[at]->style == kPromptHidden || messages[at]->style == kPromptShown) {
      answered = false;
    }
  }
  if (answered) {
    *out = responses;
    return kPamSuccess;
  }
  for (int at = 0; at < count; at++) free(responses[at].text);
  free(responses);
  return kPamConversationError;
}

// The caller slows failures down by itself; a sleeping process would only be held longer.
void no_delay(int status, unsigned microseconds, void* data) {}

int run_check(const Pam& pam, void* session, bool with_password, const char* host,
              const char* user) {
  pam.set_item(session, kFailDelayItem, reinterpret_cast<const void*>(no_delay));
  if (host[0] != 0) pam.set_item(session, kRemoteHostItem, host);
  int status = kPamSuccess;
  if (with_password) status = pam.authenticate(session, 0);
  if (status == kPamSuccess) status = pam.account(session, 0);
  if (status != kPamSuccess) return status;
  // A module may change the name; whoever asked about one account must not get another.
  const void* name = nullptr;
  pam.get_item(session, kUserItem, &name);
  const bool same = name != nullptr && std::strcmp(static_cast<const char*>(name), user) == 0;
  return same ? kPamSuccess : kPamConversationError;
}

// pamCheck(service, user, password or null, remote host): the number of the outcome, 0 for success.
// Without a password only the account is checked (locked, expired). Blocks.
napi_value pam_check(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char service[64];
  char user[kTextMax];
  char password[kTextMax];
  char host[256];
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments.values[2], &type);
  const bool with_password = type == napi_string;
  if (!arguments.text(0, service, sizeof(service)) || !arguments.text(1, user, sizeof(user)) ||
      (with_password && !arguments.text(2, password, sizeof(password))) ||
      !arguments.text(3, host, sizeof(host))) {
    return nullptr;
  }
  Pam pam = {};
  if (!pam.load()) return throw_error(env, "check a password", "libpam.so.0 is not there", "ENOSYS");
  std::string secret = with_password ? password : "";
  const PamConversation conversation = {converse, with_password ? &secret : nullptr};
  void* session = nullptr;
  int status = pam.start(service, user, &conversation, &session);
  if (status == kPamSuccess) {
    status = run_check(pam, session, with_password, host, user);
    pam.end(session, status);
  }
  explicit_bzero(password, sizeof(password));
  explicit_bzero(secret.data(), secret.size());
  return make_number(env, status);
}

}  // namespace

void export_privileges(napi_env env, napi_value exports) {
  set_function(env, exports, "forbidNewPrivileges", forbid_new_privileges);
  set_function(env, exports, "hideMemory", hide_memory);
  set_function(env, exports, "pamCheck", pam_check);
}

}  // namespace jetstream
