// What a process gives up for good, and the check of a password by the system's own rules (PAM).
#pragma once

#include <node_api.h>

namespace jetstream {

// Adds forbidNewPrivileges, hideMemory and pamCheck to the module.
void export_privileges(napi_env env, napi_value exports);

}  // namespace jetstream
