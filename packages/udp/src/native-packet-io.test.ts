import { describe, it } from 'vitest';
import { loadNativeAddon } from './native-addon.js';
import { describeTraffic } from './packet-io.conformance.js';
import { describeBorder } from './packet-io-border.conformance.js';

const { reason } = loadNativeAddon();
if (reason === null) {
  describeTraffic(['native', 'native']);
  describeTraffic(['native', 'dgram']);
  describeTraffic(['dgram', 'native']);
  describeBorder('native');
} else {
  process.stderr.write(`SKIPPED: everything about the native PacketIO, because ${reason}\n`);
  describe('native PacketIO', () => {
    it.skip(`is not tested: ${reason}`, () => undefined);
  });
}
