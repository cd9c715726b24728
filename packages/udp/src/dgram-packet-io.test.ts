import { describeTraffic } from './packet-io.conformance.js';
import { describeBorder } from './packet-io-border.conformance.js';

describeTraffic(['dgram', 'dgram']);
describeBorder('dgram');
