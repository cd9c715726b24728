// The addon as JavaScript sees it: functions on an opaque socket object. src/native-addon.ts holds
// the matching types.
#include <node_api.h>

#include <cerrno>
#include <climits>
#include <memory>

#include <uv.h>

#include "descriptors.h"
#include "file-system.h"
#include "hash.h"
#include "junk-filter.h"
#include "napi-values.h"
#include "packet-engine.h"
#include "privileges.h"
#include "readiness.h"
#include "tcp.h"

namespace jetstream {

namespace {

constexpr napi_type_tag kSocketTag = {0x6a65747374726561, 0x6d2d7564702d3031};
// Rises with every change of a signature here; src/native-addon.ts wants the same.
constexpr double kInterfaceVersion = 7;
constexpr double kSafeIntegerMax = 9007199254740991.0;
constexpr size_t kStatsValues = 10;

// What hangs on a socket object. The arrays are JavaScript's; references keep them alive, and their
// memory is asked for again in every call, so that one taken away is noticed.
struct Socket {
  explicit Socket(int key_epoch_shift) : engine(key_epoch_shift) {}

  void close(napi_env env) {
    if (readiness != nullptr) readiness->release();
    readiness = nullptr;
    engine.close();
    for (napi_ref* reference : {&arena, &received_bytes, &received_words}) {
      if (*reference != nullptr) napi_delete_reference(env, *reference);
      *reference = nullptr;
    }
    open = false;
  }

  PacketEngine engine;
  Readiness* readiness = nullptr;
  napi_ref arena = nullptr;
  napi_ref received_bytes = nullptr;
  napi_ref received_words = nullptr;
  bool open = true;
};

// A call on a socket object, its first argument.
struct SocketCall : Arguments {
  SocketCall(napi_env env, napi_callback_info info) : Arguments(env, info) {
    bool ours = false;
    void* data = nullptr;
    if (napi_check_object_type_tag(env, values[0], &kSocketTag, &ours) != napi_ok || !ours ||
        napi_unwrap(env, values[0], &data) != napi_ok) {
      wrong(0, "a socket");
      return;
    }
    Socket* const found = static_cast<Socket*>(data);
    if (found->open) {
      socket = found;
    } else {
      throw_error(env, "use the socket", "it is closed");
    }
  }

  bool address(size_t at, Address* out) const {
    char text[kAddressTextBytes];
    uint16_t port = 0;
    if (!this->text(at, text, sizeof(text)) || !number(at + 1, 1, 65535, &port)) return false;
    if (parse_address(text, port, socket->engine.socket().family(), out)) return true;
    throw_error(env, "use the address", "it is not an IP address that this socket can reach",
                "ERR_INVALID_ADDRESS");
    return false;
  }

  bool referred(napi_ref reference, Bytes* out) const {
    napi_value value = nullptr;
    size_t length = 0;
    void* data = nullptr;
    napi_typedarray_type type;
    if (napi_get_reference_value(env, reference, &value) != napi_ok || value == nullptr ||
        napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
      throw_error(env, "use the socket", "its memory is gone");
      return false;
    }
    out->data = static_cast<uint8_t*>(data);
    out->size = type == napi_uint32_array ? length * sizeof(uint32_t) : length;
    return true;
  }

  Socket* socket = nullptr;
};

napi_value answer(napi_env env, const char* action, const char* wrong) {
  return wrong == nullptr ? nullptr : throw_error(env, action, wrong);
}

void set_address(napi_env env, napi_value object, const Address& address) {
  char text[kAddressTextBytes] = "";
  uint16_t port = 0;
  format_address(address, text, &port);
  set_text(env, object, "address", text);
  set_number(env, object, "port", port);
}

// open(address, port, bufferBytes, keyEpochShift, arena, receivedBytes, receivedWords)
napi_value open_socket(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  char address[kAddressTextBytes];
  uint16_t port = 0;
  int buffer_bytes = 0;
  int key_epoch_shift = 0;
  Bytes arena, received_bytes, received_words;
  if (!arguments.text(0, address, sizeof(address)) || !arguments.number(1, 0, 65535, &port) ||
      !arguments.number(2, 1, INT_MAX / 2, &buffer_bytes) ||
      !arguments.number(3, 8, 26, &key_epoch_shift) || !arguments.bytes(4, &arena) ||
      !arguments.bytes(5, &received_bytes) || !arguments.words(6, &received_words)) {
    return nullptr;
  }
  if (received_bytes.size < PacketEngine::kReceiveBytes ||
      received_words.size < kBatchPacketsMax * sizeof(Descriptor)) {
    return throw_error(env, "open a socket", "the receive memory is too small");
  }
  auto socket = std::make_unique<Socket>(key_epoch_shift);
  OpenFailure failure;
  if (!socket->engine.socket().open(address, port, buffer_bytes, &failure)) {
    char action[160];
    std::snprintf(action, sizeof(action), "open UDP %s port %u (%s)", address, port, failure.step);
    return throw_error(env, action, uv_strerror(-failure.error), uv_err_name(-failure.error));
  }
  napi_create_reference(env, arguments.values[4], 1, &socket->arena);
  napi_create_reference(env, arguments.values[5], 1, &socket->received_bytes);
  napi_create_reference(env, arguments.values[6], 1, &socket->received_words);
  napi_value object = nullptr;
  const auto finalize = [](napi_env env, void* data, void*) {
    Socket* const finalized = static_cast<Socket*>(data);
    finalized->close(env);
    delete finalized;
  };
  Address local;
  socket->engine.socket().local_address(&local);
  napi_create_object(env, &object);
  set_address(env, object, local);
  napi_type_tag_object(env, object, &kSocketTag);
  napi_wrap(env, object, socket.release(), finalize, nullptr, nullptr);
  return object;
}

// openConnection(socket, localId, remoteId, address, port): handle
napi_value open_connection(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t local_id = 0;
  uint32_t remote_id = 0;
  uint32_t handle = 0;
  Address peer;
  if (call.socket == nullptr || !call.number(1, 0, UINT32_MAX, &local_id) ||
      !call.number(2, 0, UINT32_MAX, &remote_id) || !call.address(3, &peer)) {
    return nullptr;
  }
  const char* const wrong =
      call.socket->engine.open_connection(local_id, remote_id, peer, &handle);
  if (wrong != nullptr) return throw_error(env, "open a connection", wrong);
  return make_number(env, handle);
}

// setPeer(socket, connection, address, port)
napi_value set_peer(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t handle = 0;
  Address peer;
  if (call.socket == nullptr || !call.number(1, 0, UINT32_MAX, &handle) ||
      !call.address(2, &peer)) {
    return nullptr;
  }
  return answer(env, "set the peer", call.socket->engine.set_peer(handle, peer));
}

// installKeys(socket, connection, forSealing 0 or 1, epoch, cipher, key, iv)
napi_value install_keys(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t handle = 0;
  int for_sealing = 0;
  uint8_t cipher = 0;
  PacketEngine::Keys keys = {};
  Bytes key, iv;
  if (call.socket == nullptr || !call.number(1, 0, UINT32_MAX, &handle) ||
      !call.number(2, 0, 1, &for_sealing) || !call.number(3, 0, kSafeIntegerMax, &keys.epoch) ||
      !call.number(4, 0, 3, &cipher) || !call.bytes(5, &key) || !call.bytes(6, &iv)) {
    return nullptr;
  }
  keys.for_sealing = for_sealing == 1;
  keys.cipher = static_cast<Cipher>(cipher);
  keys.key = key.data;
  keys.iv = iv.data;
  if (key.size != cipher_key_bytes(keys.cipher)) {
    return throw_error(env, "install a key", "its length does not fit the cipher");
  }
  if (keys.cipher != Cipher::none && iv.size != 12) {
    return throw_error(env, "install a key", "its iv does not have 12 bytes");
  }
  return answer(env, "install a key", call.socket->engine.install_keys(handle, keys));
}

// closeConnection(socket, connection)
napi_value close_connection(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t handle = 0;
  if (call.socket == nullptr || !call.number(1, 0, UINT32_MAX, &handle)) return nullptr;
  return answer(env, "close a connection", call.socket->engine.close_connection(handle));
}

// sealAndSend(socket, words, count): sent
napi_value seal_and_send(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  size_t count = 0;
  Bytes words, arena;
  if (call.socket == nullptr || !call.words(1, &words) ||
      !call.number(2, 0, kBatchPacketsMax, &count) || !call.referred(call.socket->arena, &arena)) {
    return nullptr;
  }
  if (count * sizeof(Descriptor) > words.size) {
    return throw_error(env, "send a batch", "it has fewer descriptors than its count");
  }
  size_t sent = 0;
  const char* const wrong = call.socket->engine.seal_and_send(
      reinterpret_cast<const uint32_t*>(words.data), count, {arena.data, arena.size}, &sent);
  if (wrong != nullptr) return throw_error(env, "send a batch", wrong);
  return make_number(env, static_cast<double>(sent));
}

// sendClear(socket, address, port, datagram)
napi_value send_clear(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  Address peer;
  Bytes datagram;
  if (call.socket == nullptr || !call.address(1, &peer) || !call.bytes(3, &datagram)) {
    return nullptr;
  }
  if (datagram.size < 1 || datagram.size > kDatagramBytesMax) {
    return throw_error(env, "send a datagram", "it does not have 1 to 65507 bytes");
  }
  call.socket->engine.socket().send_one(peer, datagram.data, datagram.size);
  return nullptr;
}

// receiveAndOpen(socket, waitUs): count
napi_value receive_and_open(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  int wait_us = 0;
  Bytes bytes, words;
  if (call.socket == nullptr || !call.number(1, 0, 100000, &wait_us) ||
      !call.referred(call.socket->received_bytes, &bytes) ||
      !call.referred(call.socket->received_words, &words)) {
    return nullptr;
  }
  if (bytes.size < PacketEngine::kReceiveBytes ||
      words.size < kBatchPacketsMax * sizeof(Descriptor)) {
    return throw_error(env, "receive", "the receive memory is gone");
  }
  const size_t count = call.socket->engine.receive_and_open(
      bytes.data, reinterpret_cast<Descriptor*>(words.data), wait_us);
  return make_number(env, static_cast<double>(count));
}

// peerAddress(socket, peer): { address, port }
napi_value peer_address(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t peer = 0;
  if (call.socket == nullptr || !call.number(1, 0, UINT32_MAX, &peer)) return nullptr;
  const Address* const address = call.socket->engine.peer_address(peer);
  if (address == nullptr) return throw_error(env, "name a peer", "the handle is unknown");
  napi_value object = nullptr;
  napi_create_object(env, &object);
  set_address(env, object, *address);
  return object;
}

// watch(socket, callback or null): whether a packet already waits inside, where no poll sees it
napi_value watch(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  if (call.socket == nullptr) return nullptr;
  napi_valuetype type;
  napi_typeof(env, call.values[1], &type);
  const bool arm = type == napi_function;
  Socket& socket = *call.socket;
  const bool pending = socket.engine.has_pending();
  if (arm && !pending) {
    if (socket.readiness == nullptr) {
      const int descriptor = socket.engine.socket().descriptor();
      socket.readiness = Readiness::make(env, descriptor, &socket.readiness);
      if (socket.readiness == nullptr) return nullptr;
    }
    socket.readiness->arm(call.values[1]);
  } else if (socket.readiness != nullptr) {
    socket.readiness->disarm();
  }
  napi_value out = nullptr;
  napi_get_boolean(env, pending, &out);
  return out;
}

// stats(socket, Float64Array of 10): fills it
napi_value stats(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (call.socket == nullptr) return nullptr;
  if (napi_get_typedarray_info(env, call.values[1], &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_float64_array || length < kStatsValues) {
    call.wrong(1, "a Float64Array of 10");
    return nullptr;
  }
  PacketEngine& engine = call.socket->engine;
  const UdpSocket::Counts& counts = engine.socket().counts();
  const uint64_t values[kStatsValues] = {
      counts.packets_sent,       counts.bytes_sent,        engine.packets_received(),
      engine.bytes_received(),   engine.packets_refused(), counts.send_blocked,
      counts.send_calls,         counts.receive_calls,     engine.socket().drops(),
      engine.socket().gso() ? 1u : 0u,
  };
  for (size_t i = 0; i < kStatsValues; i++) {
    static_cast<double*>(data)[i] = static_cast<double>(values[i]);
  }
  return nullptr;
}

// offloads(socket): { gso, gro, receiveBufferBytes, sendBufferBytes }, booleans as 0 and 1
napi_value offloads(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  if (call.socket == nullptr) return nullptr;
  const UdpSocket& socket = call.socket->engine.socket();
  napi_value object = nullptr;
  napi_create_object(env, &object);
  set_number(env, object, "gso", socket.gso() ? 1 : 0);
  set_number(env, object, "gro", socket.gro() ? 1 : 0);
  set_number(env, object, "receiveBufferBytes", socket.buffer_bytes(SO_RCVBUF));
  set_number(env, object, "sendBufferBytes", socket.buffer_bytes(SO_SNDBUF));
  return object;
}

// close(socket)
napi_value close_socket(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  if (call.socket != nullptr) call.socket->close(env);
  return nullptr;
}

// dropJunk(socket, idPrefix): whether the system drops in the kernel what can be no packet of ours
napi_value drop_junk(napi_env env, napi_callback_info info) {
  const SocketCall call(env, info);
  uint32_t id_prefix = 0;
  if (call.socket == nullptr || !call.number(1, 0, UINT8_MAX, &id_prefix)) return nullptr;
  const int descriptor = call.socket->engine.socket().descriptor();
  napi_value out = nullptr;
  napi_get_boolean(env, attach_junk_filter(descriptor, static_cast<uint8_t>(id_prefix)), &out);
  return out;
}

// selfTest(): whether AEAD gives the known answers
napi_value self_test(napi_env env, napi_callback_info info) {
  napi_value out = nullptr;
  napi_get_boolean(env, aead_self_test() && hash_self_test(), &out);
  return out;
}

}  // namespace

}  // namespace jetstream

NAPI_MODULE_INIT() {
  using namespace jetstream;
  set_number(env, exports, "interfaceVersion", kInterfaceVersion);
  set_function(env, exports, "open", open_socket);
  set_function(env, exports, "openConnection", open_connection);
  set_function(env, exports, "setPeer", set_peer);
  set_function(env, exports, "installKeys", install_keys);
  set_function(env, exports, "closeConnection", close_connection);
  set_function(env, exports, "sealAndSend", seal_and_send);
  set_function(env, exports, "sendClear", send_clear);
  set_function(env, exports, "receiveAndOpen", receive_and_open);
  set_function(env, exports, "peerAddress", peer_address);
  set_function(env, exports, "watch", watch);
  set_function(env, exports, "stats", stats);
  set_function(env, exports, "offloads", offloads);
  set_function(env, exports, "close", close_socket);
  set_function(env, exports, "dropJunk", drop_junk);
  set_function(env, exports, "selfTest", self_test);
  export_file_system(env, exports);
  export_hash(env, exports);
  export_tcp(env, exports);
  export_descriptors(env, exports);
  export_privileges(env, exports);
  return exports;
}
