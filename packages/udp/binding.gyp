{
  'targets': [
    {
      'target_name': 'jetstream_udp',
      'sources': [
        'native/aead.cc',
        'native/binding.cc',
        'native/descriptors.cc',
        'native/file-system.cc',
        'native/packet-engine.cc',
        'native/peer-table.cc',
        'native/privileges.cc',
        'native/readiness.cc',
        'native/tcp.cc',
        'native/udp-socket.cc',
      ],
      'libraries': ['-ldl'],
      'defines': ['NAPI_VERSION=8', '_GNU_SOURCE'],
      'cflags': ['-Wall', '-Wextra', '-Wno-unused-parameter', '-fvisibility=hidden'],
      'cflags_cc': ['-std=c++17', '-O3'],
    },
  ],
}
