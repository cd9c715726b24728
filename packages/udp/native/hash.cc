#include "hash.h"

#include <cstring>

#include "blake3/blake3.h"
#include "napi-values.h"

namespace jetstream {

namespace {

// BLAKE3 of "abc".
constexpr uint8_t kDigestOfAbc[BLAKE3_OUT_LEN] = {
    0x64, 0x37, 0xb3, 0xac, 0x38, 0x46, 0x51, 0x33, 0xff, 0xb6, 0x3b, 0x75, 0x27, 0x3a, 0x8d, 0xb5,
    0x48, 0xc5, 0x58, 0x46, 0x5d, 0x79, 0xdb, 0x03, 0xfd, 0x35, 0x9c, 0x6c, 0xd5, 0xbd, 0x9d, 0x85};

// A state comes back from a disk: nothing in it may lead out of its own arrays, or to another hash.
// The stack holds a value for each bit of the chunk count; while more input has not shown that they are
// not the root, the last ones stay apart.
bool is_sound(const blake3_hasher& state) {
  blake3_hasher plain;
  blake3_hasher_init(&plain);
  const blake3_chunk_state& chunk = state.chunk;
  if (std::memcmp(state.key, plain.key, sizeof(plain.key)) != 0 || chunk.flags != 0 ||
      chunk.buf_len > BLAKE3_BLOCK_LEN || chunk.chunk_counter >> BLAKE3_MAX_DEPTH != 0) {
    return false;
  }
  const size_t length = size_t{chunk.blocks_compressed} * BLAKE3_BLOCK_LEN + chunk.buf_len;
  if (length > BLAKE3_CHUNK_LEN) return false;
  const int merged = __builtin_popcountll(chunk.chunk_counter);
  if (length > 0 || merged == 0) return state.cv_stack_len == merged;
  return state.cv_stack_len >= 2 && state.cv_stack_len >= merged &&
         state.cv_stack_len <= BLAKE3_MAX_DEPTH + 1;
}

// The state in its array, copied out because the array need not be aligned.
struct StateArgument {
  StateArgument(const Arguments& arguments, bool is_new) {
    Bytes found;
    if (!arguments.bytes(0, &found)) return;
    if (found.size != sizeof(blake3_hasher)) {
      arguments.wrong(0, "the state of a hash");
      return;
    }
    std::memset(&state, 0, sizeof(state));
    if (!is_new) std::memcpy(&state, found.data, sizeof(state));
    if (is_new || is_sound(state)) {
      bytes = found;
    } else {
      arguments.wrong(0, "the state of a hash");
    }
  }

  void put_back() const { std::memcpy(bytes.data, &state, sizeof(state)); }

  blake3_hasher state;
  Bytes bytes;
};

napi_value hash_begin(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  StateArgument hash(arguments, true);
  if (hash.bytes.data == nullptr) return nullptr;
  blake3_hasher_init(&hash.state);
  hash.put_back();
  return nullptr;
}

napi_value hash_update(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  StateArgument hash(arguments, false);
  Bytes input;
  if (hash.bytes.data == nullptr || !arguments.bytes(1, &input)) return nullptr;
  blake3_hasher_update(&hash.state, input.data, input.size);
  hash.put_back();
  return nullptr;
}

napi_value hash_digest(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const StateArgument hash(arguments, false);
  Bytes digest;
  if (hash.bytes.data == nullptr || !arguments.bytes(1, &digest)) return nullptr;
  if (digest.size != BLAKE3_OUT_LEN) {
    arguments.wrong(1, "room for a digest");
    return nullptr;
  }
  blake3_hasher_finalize(&hash.state, digest.data, digest.size);
  return nullptr;
}

}  // namespace

bool hash_self_test() {
  blake3_hasher first;
  blake3_hasher second;
  uint8_t digest[BLAKE3_OUT_LEN];
  std::memset(&first, 0, sizeof(first));
  blake3_hasher_init(&first);
  blake3_hasher_update(&first, "ab", 2);
  std::memcpy(&second, &first, sizeof(second));
  if (!is_sound(second)) return false;
  blake3_hasher_update(&second, "c", 1);
  blake3_hasher_finalize(&second, digest, sizeof(digest));
  return std::memcmp(digest, kDigestOfAbc, sizeof(digest)) == 0;
}

void export_hash(napi_env env, napi_value exports) {
  set_number(env, exports, "hashStateBytes", sizeof(blake3_hasher));
  set_function(env, exports, "hashBegin", hash_begin);
  set_function(env, exports, "hashUpdate", hash_update);
  set_function(env, exports, "hashDigest", hash_digest);
}

}  // namespace jetstream
