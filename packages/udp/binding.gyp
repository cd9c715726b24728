{
  'targets': [
    {
      'target_name': 'jetstream_udp',
      'sources': [
        'native/aead.cc',
        'native/binding.cc',
        'native/blake3/blake3.c',
        'native/blake3/blake3_dispatch.c',
        'native/blake3/blake3_portable.c',
        'native/descriptors.cc',
        'native/file-system.cc',
        'native/hash.cc',
        'native/junk-filter.cc',
        'native/packet-engine.cc',
        'native/peer-table.cc',
        'native/privileges.cc',
        'native/readiness.cc',
        'native/tcp.cc',
        'native/udp-socket.cc',
      ],
      'libraries': ['-ldl'],
      'defines': [
        'NAPI_VERSION=8',
        '_GNU_SOURCE',
        'BLAKE3_NO_SSE2',
      ],
      'cflags_c': ['-O3'],
      'conditions': [
        ['target_arch=="x64"', {
          # For instructions that not every processor has; chosen at run time.
          'sources': [
            'native/blake3/blake3_avx2_x86-64_unix.S',
            'native/blake3/blake3_avx512_x86-64_unix.S',
            'native/blake3/blake3_sse41_x86-64_unix.S',
          ],
        }],
        ['target_arch=="arm64"', {'sources': ['native/blake3/blake3_neon.c']}],
        ['target_arch!="x64"', {'defines': ['BLAKE3_NO_SSE41', 'BLAKE3_NO_AVX2', 'BLAKE3_NO_AVX512']}],
      ],
      'cflags': ['-Wall', '-Wextra', '-Wno-unused-parameter', '-fvisibility=hidden'],
      'cflags_cc': ['-std=c++17', '-O3'],
    },
  ],
}
