// Tells JavaScript once that a socket can be read, through the event loop of the thread at hand.
#pragma once

#include <node_api.h>

namespace jetstream {

// Made on first use; release() ends it. It outlives its owner until libuv has let go of it, and ends
// by itself when the environment (a worker thread, the process) is torn down first.
class Readiness {
 public:
  // Null with a pending JavaScript exception when libuv refuses. `slot` is the owner's pointer,
  // cleared when this ends by itself.
  static Readiness* make(napi_env env, int descriptor, Readiness** slot);

  // Calls `callback` once when the descriptor is readable; the loop stays alive until then.
  void arm(napi_value callback);
  void disarm();
  // Must be called before the descriptor is closed; `this` is gone for the caller afterwards.
  void release();

 private:
  Readiness() = default;
  struct Poll;
  static void on_readable(Poll* poll);
  static void on_closed(Poll* poll);
  static void on_teardown(napi_async_cleanup_hook_handle hook, void* self);

  napi_env env_ = nullptr;
  Poll* poll_ = nullptr;
  Readiness** slot_ = nullptr;
  napi_ref callback_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace jetstream
