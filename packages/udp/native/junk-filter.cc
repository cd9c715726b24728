#include "junk-filter.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "wire.h"

namespace jetstream {

namespace {

// The filter sees the UDP header first.
constexpr uint32_t kUdpBytes = 8;
constexpr uint32_t kFirstByteAt = kUdpBytes;
constexpr uint32_t kConnectionIdAt = kUdpBytes + 4;
constexpr uint32_t kClearKindAt = kUdpBytes + kHeaderBytes;
constexpr uint32_t kCookieBytesAt = kClearKindAt + 13;
constexpr uint32_t kClearBytesMin = kHeaderBytes + 16;
constexpr uint32_t kClearKinds = 4;
constexpr uint32_t kClearCrypto = 1;
constexpr uint32_t kCookieBytesMax = 64;
// What a client sends before it knows the server's connection id is padded to this.
constexpr uint32_t kFirstBytesMin = 1200;
// The kernel may join packets of one sender (GRO), and the filter sees the first alone. What is longer
// than this may be joined and passes, so that one forged packet takes no others with it.
constexpr uint32_t kJudgedBytesMax = 1500;

// One instruction; a comparison goes on at one of two others.
struct Step {
  uint16_t code;
  uint32_t value;
  uint8_t if_so;
  uint8_t if_not;
};
constexpr uint16_t kLength = BPF_LD | BPF_W | BPF_LEN;
constexpr uint16_t kByte = BPF_LD | BPF_B | BPF_ABS;
constexpr uint16_t kWord = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint16_t kAtLeast = BPF_JMP | BPF_JGE | BPF_K;
constexpr uint16_t kReturn = BPF_RET | BPF_K;

constexpr uint32_t kSealedHead = static_cast<uint32_t>(kFirstByteSealed) << 24;
constexpr uint8_t kPrefix = 8;
constexpr uint8_t kClear = 11;
constexpr uint8_t kPass = 21;
constexpr uint8_t kDrop = 22;

constexpr Step kSteps[] = {
    /*  0 */ {kLength, 0, 0, 0},
    /*  1 */ {kAtLeast, kUdpBytes + kJudgedBytesMax + 1, kPass, 2},
    /*  2 */ {kAtLeast, kUdpBytes + kClearBytesMin, 3, kDrop},
    /*  3 */ {kByte, kFirstByteAt, 0, 0},
    /*  4 */ {kEqual, kFirstByteClear, kClear, 5},
    // A sealed packet: its first word is fixed, and its connection id begins like all of this socket.
    /*  5 */ {kWord, kFirstByteAt, 0, 0},
    /*  6 */ {kEqual, kSealedHead, 7, kDrop},
    /*  7 */ {kByte, kConnectionIdAt, 0, 0},
    /*  8 */ {kEqual, 0, 9, kDrop},
    /*  9 */ {kLength, 0, 0, 0},
    /* 10 */ {kAtLeast, kUdpBytes + kPacketOverheadBytes, kPass, kDrop},
    // A clear one: a possible cookie, a known kind; what names no connection yet is padded.
    /* 11 */ {kByte, kCookieBytesAt, 0, 0},
    /* 12 */ {kAtLeast, kCookieBytesMax + 1, kDrop, 13},
    /* 13 */ {kByte, kClearKindAt, 0, 0},
    /* 14 */ {kEqual, 0, kDrop, 15},
    /* 15 */ {kAtLeast, kClearKinds + 1, kDrop, 16},
    /* 16 */ {kEqual, kClearCrypto, 17, kPass},
    /* 17 */ {kWord, kConnectionIdAt, 0, 0},
    /* 18 */ {kEqual, 0, 19, kPass},
    /* 19 */ {kLength, 0, 0, 0},
    /* 20 */ {kAtLeast, kUdpBytes + kFirstBytesMin, kPass, kDrop},
    /* 21 */ {kReturn, 0xffffffff, 0, 0},
    /* 22 */ {kReturn, 0, 0, 0},
};
constexpr size_t kStepCount = sizeof(kSteps) / sizeof(kSteps[0]);
static_assert(kStepCount == kDrop + 1, "the last two steps are the ends");

}  // namespace

bool attach_junk_filter(int descriptor, uint8_t id_prefix) {
  sock_filter program[kStepCount];
  for (size_t i = 0; i < kStepCount; i++) {
    const Step& step = kSteps[i];
    const bool jumps = BPF_CLASS(step.code) == BPF_JMP;
    // The kernel counts from the next instruction on.
    program[i] = {step.code, static_cast<uint8_t>(jumps ? step.if_so - i - 1 : 0),
                  static_cast<uint8_t>(jumps ? step.if_not - i - 1 : 0), step.value};
  }
  program[kPrefix].k = id_prefix;
  const sock_fprog all = {static_cast<uint16_t>(kStepCount), program};
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)) == 0;
}

}  // namespace jetstream
