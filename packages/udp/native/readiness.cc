#include "readiness.h"

#include <uv.h>

namespace jetstream {

struct Readiness::Poll {
  uv_poll_t handle;
  Readiness* owner;
};

Readiness* Readiness::make(napi_env env, int descriptor, Readiness** slot) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) {
    napi_throw_error(env, nullptr, "Cannot watch the socket: no event loop");
    return nullptr;
  }
  Poll* const poll = new Poll();
  const int failed = uv_poll_init(loop, &poll->handle, descriptor);
  if (failed != 0) {
    delete poll;
    napi_throw_error(env, uv_err_name(failed), "Cannot watch the socket: libuv refuses it");
    return nullptr;
  }
  Readiness* const made = new Readiness();
  made->env_ = env;
  made->poll_ = poll;
  made->slot_ = slot;
  poll->owner = made;
  // The loop of a worker must not end with an open handle, and closing one takes a turn of it:
  // hence the asynchronous kind of hook.
  napi_add_async_cleanup_hook(env, on_teardown, made, &made->hook_);
  return made;
}

void Readiness::arm(napi_value callback) {
  disarm();
  napi_create_reference(env_, callback, 1, &callback_);
  uv_poll_start(&poll_->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
    on_readable(reinterpret_cast<Poll*>(handle));
  });
}

void Readiness::disarm() {
  uv_poll_stop(&poll_->handle);
  if (callback_ != nullptr) napi_delete_reference(env_, callback_);
  callback_ = nullptr;
}

void Readiness::release() {
  disarm();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle),
           [](uv_handle_t* handle) { on_closed(reinterpret_cast<Poll*>(handle)); });
}

void Readiness::on_readable(Poll* poll) {
  Readiness* const self = poll->owner;
  napi_env const env = self->env_;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback = nullptr;
  napi_value global = nullptr;
  napi_get_reference_value(env, self->callback_, &callback);
  napi_get_global(env, &global);
  // Disarmed first: the callback may arm again, or close the socket.
  self->disarm();
  const napi_status called = napi_make_callback(env, nullptr, global, callback, 0, nullptr, nullptr);
  if (called == napi_pending_exception) {
    napi_value thrown;
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) {
      napi_fatal_exception(env, thrown);
    }
  }
  napi_close_handle_scope(env, scope);
}

void Readiness::on_closed(Poll* poll) {
  napi_remove_async_cleanup_hook(poll->owner->hook_);
  delete poll->owner;
  delete poll;
}

void Readiness::on_teardown(napi_async_cleanup_hook_handle hook, void* data) {
  Readiness* const self = static_cast<Readiness*>(data);
  if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&self->poll_->handle))) return;
  *self->slot_ = nullptr;
  self->release();
}

}  // namespace jetstream
