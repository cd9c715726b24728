// System calls for TCP sockets that Node does not offer: a second descriptor, congestion control.
#pragma once

#include <node_api.h>

namespace jetstream {

// Adds duplicateDescriptor and setCongestionControl to the module.
void export_tcp(napi_env env, napi_value exports);

}  // namespace jetstream
