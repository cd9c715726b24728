/** What the data plane tells, brought to those parts of the domain that it concerns. */
import type { DataPlaneEvents } from './data/data-plane.js';
import type { TrafficTotals } from './data/traffic-totals.js';
import type { DiscoveryService } from './discovery/discovery-service.js';
import type { ReceiveService } from './receive/receive-service.js';
import type { TransferEngine } from './transfers/transfer-engine.js';

/** @see the head of this file */
export const planeEvents = (parts: {
  readonly engine: TransferEngine;
  readonly receive: ReceiveService;
  readonly discovery: DiscoveryService;
  readonly traffic: TrafficTotals;
}): DataPlaneEvents => {
  const { engine, receive, discovery, traffic } = parts;
  return {
    sendStarted: (id, peer, path) => engine.sendStarted(id, peer, path),
    sendProgress: (id, progress) => {
      traffic.sent(id, progress.linkBytesSent);
      engine.sendProgress(id, progress);
    },
    sendEnded: (id, outcome) => {
      traffic.sendEnded(id);
      engine.sendEnded(id, outcome);
    },
    receiveOffered: (offer) => receive.receiveOffered(offer),
    receiveProgress: (id, progress) => {
      traffic.received(id, progress.bytesReceived);
      receive.receiveProgress(id, progress);
    },
    receiveEnded: (id, outcome) => {
      traffic.receiveEnded(id);
      receive.receiveEnded(id, outcome);
    },
    discovered: (id, from) => discovery.discovered(id, from),
    peerChanged: (peer, state) => receive.peerChanged(peer, state),
  };
};
