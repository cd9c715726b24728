/** Cases with a NAT on the way: its mapping changes in mid-transfer, and it is found out. */

import { type Mapping, type Nat, openNat } from './nat.js';
import { openServerPair } from './server-pair.js';
import {
  awaitEqual,
  awaitSent,
  describeTransfer,
  secondsOf,
  startTransfer,
  type WanCase,
  withDirectory,
  withLab,
  withScene,
} from './wan-case.js';
import type { WanLab } from './wan-lab.js';

const LINK = { rttMs: 40, rateMbps: 50, lossPercent: 0, queueMs: 100 };
const MEGABYTE = 1024 * 1024;
const BYTES = 24 * MEGABYTE;
/** At 50 Mbit/s the tree takes about 4.5 s; the rest is for what is lost and to notice it. */
const SECONDS_MAX = 20;

const withNat = <T>(
  letter: 'a' | 'b',
  first: Mapping,
  act: (lab: WanLab, nat: Nat) => Promise<T>,
): Promise<T> =>
  withLab(LINK, async (lab) => {
    const nat = await openNat(lab, letter, first);
    try {
      return await act(lab, nat);
    } finally {
      await nat.close();
    }
  });

/** Three mappings: another port, then another address. */
const mappingsOf = (host: number): readonly [Mapping, Mapping, Mapping] => [
  { address: `10.77.0.${host}`, port: 20_001 },
  { address: `10.77.0.${host}`, port: 20_002 },
  { address: `10.77.0.${100 + host}`, port: 20_003 },
];

const rebinds = (letter: 'a' | 'b'): Promise<string> => {
  const [first, second, third] = mappingsOf(letter === 'a' ? 1 : 2);
  return withNat(letter, first, (lab, nat) => {
    const places = {
      a: lab.a,
      b: lab.b,
      [letter]: { ...nat.inside, address: lab[letter].address },
    };
    return withScene(places, { bigFileBytes: BYTES }, async (scene) => {
      if (letter === 'b') await nat.forward(scene.pair.receiver.server.ready.recvPort);
      const { transferId } = await startTransfer(scene);
      await awaitSent(scene, transferId, BYTES * 0.2);
      const handshake = await nat.clearPackets();
      await nat.map(second);
      await awaitSent(scene, transferId, BYTES * 0.5);
      await nat.map(third);
      const done = await awaitEqual(scene, transferId, 60);
      const clear = (await nat.clearPackets()) - handshake;
      if (clear !== 0) throw new Error(`${clear} packets of another handshake left, expected none`);
      if (secondsOf(done) > SECONDS_MAX) {
        throw new Error(`It took ${secondsOf(done)} s, expected at most ${SECONDS_MAX}`);
      }
      return `${describeTransfer(done)}, no other handshake`;
    });
  });
};

const discovers = (): Promise<string> => {
  const mapping = { address: '10.77.0.1', port: 23_456 };
  return withNat('a', mapping, (lab, nat) =>
    withDirectory(async (directory) => {
      const pair = await openServerPair({ directory, lab: { a: nat.inside, b: lab.b } });
      try {
        const { sender, receiver } = pair;
        const expected = await receiver.api.server.recvDiscoverPacketAsync({ timeoutSeconds: 20 });
        const port = receiver.server.ready.recvPort;
        await sender.api.server.sendDiscoverPacket(expected.discoverId, lab.b.address, {
          destinationPort: port,
        });
        const found = await receiver.api.server.getRequestResult(expected.requestId);
        const text = JSON.stringify(found);
        const wanted = JSON.stringify(mapping);
        if (text !== wanted) throw new Error(`It found ${text}, expected ${wanted}`);
        return `found ${mapping.address}:${mapping.port}`;
      } finally {
        await pair.stop();
      }
    }),
  );
};

export const natCases: readonly WanCase[] = [
  {
    name: 'nat-sender',
    about: "the sender's NAT changes its port, then its address",
    smoke: true,
    run: () => rebinds('a'),
  },
  {
    name: 'nat-receiver',
    about: "the receiver's NAT changes its port, then its address",
    smoke: true,
    run: () => rebinds('b'),
  },
  {
    name: 'nat-discovery',
    about: 'a discovery packet through a NAT shows the address of the NAT',
    smoke: true,
    run: discovers,
  },
];
