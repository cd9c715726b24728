// Seals and opens whole packets, with one OpenSSL context per key: the key schedule is made once and
// a packet only sets the nonce. OpenSSL is the one inside Node.
#pragma once

#include <openssl/evp.h>

#include <cstdint>

#include "wire.h"

namespace jetstream {

enum class Cipher : uint8_t { none = 0, authenticated = 1, aes128gcm = 2, aes256gcm = 3 };

// Key bytes that a cipher wants.
size_t cipher_key_bytes(Cipher cipher);

// One key of one direction.
class Aead {
 public:
  Aead() = default;
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  ~Aead() { clear(); }

  // `iv` has 12 bytes, `key` as many as cipher_key_bytes. False when OpenSSL refuses.
  bool install(Cipher cipher, const uint8_t* key, const uint8_t* iv, bool for_sealing);
  void clear();
  bool installed() const { return installed_; }

  // `packet` holds header and inner header, and has room for payload and tag: `bytes` in all. The
  // payload comes from elsewhere, so that it is encrypted on the way and not copied before.
  bool seal(uint8_t* packet, size_t bytes, const uint8_t* payload, uint64_t number);
  // Leaves the plain text where the cipher text was. False when the packet is not authentic.
  bool open(uint8_t* packet, size_t bytes, uint64_t number);

 private:
  void nonce(uint64_t number, uint8_t* out) const;

  EVP_CIPHER_CTX* context_ = nullptr;
  Cipher cipher_ = Cipher::none;
  bool installed_ = false;
  uint8_t iv_[12] = {};
};

// Known-answer and tamper checks of every cipher through the code above.
bool aead_self_test();

}  // namespace jetstream
