// Messages between processes of one machine that carry open descriptors (SCM_RIGHTS), over
// SOCK_SEQPACKET sockets: one send is one message, whole or not at all.
#pragma once

#include <node_api.h>

namespace jetstream {

// Adds socketPair, sendMessage, receiveMessage and waitReadable to the module.
void export_descriptors(napi_env env, napi_value exports);

}  // namespace jetstream
