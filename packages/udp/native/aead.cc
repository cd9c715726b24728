#include "aead.h"

#include <openssl/crypto.h>

#include <cstring>
#include <initializer_list>

#include "aead-vectors.h"

namespace jetstream {

size_t cipher_key_bytes(Cipher cipher) {
  switch (cipher) {
    case Cipher::none:
      return 0;
    case Cipher::aes256gcm:
      return 32;
    default:
      return 16;
  }
}

bool Aead::install(Cipher cipher, const uint8_t* key, const uint8_t* iv, bool for_sealing) {
  clear();
  cipher_ = cipher;
  if (cipher != Cipher::none) {
    const EVP_CIPHER* kind = cipher == Cipher::aes256gcm ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    context_ = EVP_CIPHER_CTX_new();
    if (context_ == nullptr) return false;
    const int made = for_sealing ? EVP_EncryptInit_ex(context_, kind, nullptr, key, iv)
                                 : EVP_DecryptInit_ex(context_, kind, nullptr, key, iv);
    if (made != 1) {
      clear();
      return false;
    }
    std::memcpy(iv_, iv, sizeof(iv_));
  }
  installed_ = true;
  return true;
}

void Aead::clear() {
  // Freeing the context cleanses the key schedule inside it.
  EVP_CIPHER_CTX_free(context_);
  context_ = nullptr;
  OPENSSL_cleanse(iv_, sizeof(iv_));
  installed_ = false;
}

void Aead::nonce(uint64_t number, uint8_t* out) const {
  std::memcpy(out, iv_, sizeof(iv_));
  for (int i = 0; i < 8; i++) out[11 - i] ^= static_cast<uint8_t>(number >> (8 * i));
}

bool Aead::seal(uint8_t* packet, size_t bytes, const uint8_t* payload, uint64_t number) {
  uint8_t* const inner = packet + kHeaderBytes;
  uint8_t* const content = inner + kInnerHeaderBytes;
  uint8_t* const tag = packet + bytes - kTagBytes;
  const int content_bytes = static_cast<int>(tag - content);
  const bool hides = cipher_ != Cipher::authenticated && cipher_ != Cipher::none;
  if (!hides && content_bytes > 0) std::memcpy(content, payload, content_bytes);
  if (cipher_ == Cipher::none) {
    std::memset(tag, 0, kTagBytes);
    return true;
  }
  const int clear_bytes = static_cast<int>(hides ? kHeaderBytes : bytes - kTagBytes);
  uint8_t iv[sizeof(iv_)];
  uint8_t rest[16];
  int done = 0;
  nonce(number, iv);
  return EVP_EncryptInit_ex(context_, nullptr, nullptr, nullptr, iv) == 1 &&
         EVP_EncryptUpdate(context_, nullptr, &done, packet, clear_bytes) == 1 &&
         (!hides ||
          (EVP_EncryptUpdate(context_, inner, &done, inner, kInnerHeaderBytes) == 1 &&
           (content_bytes == 0 ||
            EVP_EncryptUpdate(context_, content, &done, payload, content_bytes) == 1))) &&
         EVP_EncryptFinal_ex(context_, rest, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1;
}

bool Aead::open(uint8_t* packet, size_t bytes, uint64_t number) {
  uint8_t* tag = packet + bytes - kTagBytes;
  if (cipher_ == Cipher::none) {
    static const uint8_t zero[kTagBytes] = {};
    return std::memcmp(tag, zero, kTagBytes) == 0;
  }
  const bool hides = cipher_ != Cipher::authenticated;
  const int clear_bytes = static_cast<int>(hides ? kHeaderBytes : bytes - kTagBytes);
  uint8_t* hidden = packet + kHeaderBytes;
  const int hidden_bytes = static_cast<int>(bytes - kHeaderBytes - kTagBytes);
  uint8_t iv[sizeof(iv_)];
  uint8_t rest[16];
  int done = 0;
  nonce(number, iv);
  return EVP_DecryptInit_ex(context_, nullptr, nullptr, nullptr, iv) == 1 &&
         EVP_DecryptUpdate(context_, nullptr, &done, packet, clear_bytes) == 1 &&
         (!hides || EVP_DecryptUpdate(context_, hidden, &done, hidden, hidden_bytes) == 1) &&
         EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag) == 1 &&
         EVP_DecryptFinal_ex(context_, rest, &done) == 1;
}

namespace {

bool test_vector(const AeadVector& vector) {
  uint8_t packet[sizeof(kVectorPlain) + kTagBytes] = {};
  Aead sealing;
  Aead opening;
  if (!sealing.install(vector.cipher, kVectorKey, kVectorIv, true) ||
      !opening.install(vector.cipher, kVectorKey, kVectorIv, false)) {
    return false;
  }
  constexpr size_t kHeaders = kHeaderBytes + kInnerHeaderBytes;
  std::memcpy(packet, kVectorPlain, kHeaders);
  const uint8_t* const payload = kVectorPlain + kHeaders;
  if (!sealing.seal(packet, sizeof(packet), payload, kVectorNumber)) return false;
  if (std::memcmp(packet, vector.sealed, sizeof(packet)) != 0) return false;
  // One flipped bit in the header, the cipher text or the tag must be noticed.
  for (const size_t at : {size_t{4}, size_t{20}, sizeof(packet) - 1}) {
    uint8_t forged[sizeof(packet)];
    std::memcpy(forged, packet, sizeof(packet));
    forged[at] ^= 1;
    if (opening.open(forged, sizeof(forged), kVectorNumber)) return false;
  }
  return opening.open(packet, sizeof(packet), kVectorNumber) &&
         std::memcmp(packet, kVectorPlain, sizeof(kVectorPlain)) == 0;
}

}  // namespace

bool aead_self_test() {
  for (const AeadVector& vector : kVectors) {
    if (!test_vector(vector)) return false;
  }
  return true;
}

}  // namespace jetstream
