/** Methods by which two servers find out the address that one of them has outside. */
import { z } from 'zod';
import { method } from '../method.js';
import { discoverPacket } from '../server-structures.js';
import { requestHandle } from '../structures.js';

export const discoveryMethods = {
  recvDiscoverPacketAsync: method({
    params: { timeoutSeconds: z.number().positive().max(3600).nullish() },
    required: [],
    result: requestHandle.extend({ discoverId: z.string() }),
    requestResult: discoverPacket,
    access: 'user',
    errors: ['timeout'],
    since: '1.0.0',
    summary: 'Waits for a discovery packet and returns the address that it came from.',
    paramDocs: { timeoutSeconds: 'Longest wait, above 0 to 3600; 30 when absent' },
    mutates: true,
  }),
  sendDiscoverPacketAsync: method({
    params: {
      discoverId: z.string().regex(/^[0-9a-f]{32}$/),
      destinationAddress: z.string().min(1).max(253),
      destinationPort: z.int().min(1).max(65_535).nullish(),
    },
    required: ['discoverId', 'destinationAddress'],
    result: requestHandle,
    requestResult: z.object({ discoverPacketSent: z.boolean() }),
    access: 'user',
    errors: ['destination_unreachable', 'flow_failed'],
    since: '1.0.0',
    summary: 'Sends discovery packets from the data port to a waiting server.',
    paramDocs: {
      discoverId: 'The id that the waiting server gave out, 32 hex digits',
      destinationAddress: 'Its host name or IP address',
      destinationPort: 'Its UDP port, 8886 when absent',
    },
    mutates: true,
  }),
} as const;
