// BLAKE3 whose unfinished state is plain bytes, so that it can be kept and gone on with later.
#pragma once

#include <node_api.h>

namespace jetstream {

// Adds hashStateBytes, hashBegin, hashUpdate and hashDigest to the module.
void export_hash(napi_env env, napi_value exports);

// Whether the digest of known input is right, in one piece and across a kept state.
bool hash_self_test();

}  // namespace jetstream
