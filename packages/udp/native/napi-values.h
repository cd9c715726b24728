// Reading arguments and throwing, so that the bindings read as what they do. Every reader leaves a
// JavaScript exception pending when it answers false.
#pragma once

#include <node_api.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace jetstream {

inline napi_value throw_error(napi_env env, const char* action, const char* reason,
                              const char* code = nullptr) {
  char text[256];
  std::snprintf(text, sizeof(text), "Cannot %s: %s", action, reason);
  napi_throw_error(env, code, text);
  return nullptr;
}

struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
};

// The arguments of one call; missing ones are undefined and fail their reader.
class Arguments {
 public:
  static constexpr size_t kMax = 8;

  Arguments(napi_env env, napi_callback_info info) : env(env) {
    size_t count = kMax;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }

  bool integer(size_t at, double low, double high, int64_t* out) const {
    double value = 0;
    if (napi_get_value_double(env, values[at], &value) == napi_ok && value >= low &&
        value <= high && value == std::floor(value)) {
      *out = static_cast<int64_t>(value);
      return true;
    }
    return wrong(at, "an integer in range");
  }

  template <typename T>
  bool number(size_t at, double low, double high, T* out) const {
    int64_t value = 0;
    if (!integer(at, low, high, &value)) return false;
    *out = static_cast<T>(value);
    return true;
  }

  // Also of a Uint8Array on a SharedArrayBuffer.
  bool bytes(size_t at, Bytes* out) const { return array(at, napi_uint8_array, 1, out); }

  // A Uint32Array; `size` counts bytes.
  bool words(size_t at, Bytes* out) const { return array(at, napi_uint32_array, 4, out); }

  bool text(size_t at, char* out, size_t capacity) const {
    size_t size = 0;
    if (napi_get_value_string_utf8(env, values[at], out, capacity, &size) == napi_ok &&
        size + 1 < capacity && std::strlen(out) == size) {
      return true;
    }
    return wrong(at, "a short string");
  }

  bool wrong(size_t at, const char* wanted) const {
    char reason[128];
    std::snprintf(reason, sizeof(reason), "argument %zu is not %s", at, wanted);
    throw_error(env, "call the addon", reason, "ERR_INVALID_ARG_TYPE");
    return false;
  }

  napi_env env;
  napi_value values[kMax] = {};

 private:
  bool array(size_t at, napi_typedarray_type type, size_t element_bytes, Bytes* out) const {
    bool is_array = false;
    napi_typedarray_type actual;
    size_t length = 0;
    void* data = nullptr;
    if (napi_is_typedarray(env, values[at], &is_array) == napi_ok && is_array &&
        napi_get_typedarray_info(env, values[at], &actual, &length, &data, nullptr, nullptr) ==
            napi_ok &&
        actual == type) {
      out->data = static_cast<uint8_t*>(data);
      out->size = length * element_bytes;
      return true;
    }
    return wrong(at, type == napi_uint8_array ? "a Uint8Array" : "a Uint32Array");
  }
};

inline napi_value make_number(napi_env env, double value) {
  napi_value out = nullptr;
  napi_create_double(env, value, &out);
  return out;
}

inline void set_number(napi_env env, napi_value object, const char* name, double value) {
  napi_set_named_property(env, object, name, make_number(env, value));
}

inline void set_text(napi_env env, napi_value object, const char* name, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, name, value);
}

inline void set_function(napi_env env, napi_value object, const char* name, napi_callback call) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &value);
  napi_set_named_property(env, object, name, value);
}

}  // namespace jetstream
