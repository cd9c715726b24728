/** Messages between the main thread and a data worker: plain data, both ways. */
import type { ErrorCode } from '@jetstream/contract';
import type {
  BandwidthLimits,
  FlowPath,
  IncomingStream,
  PeerFacts,
  ReceiveDecision,
  ReceiveOffer,
  ReceiveOutcome,
  ReceiveProgress,
  SendOrder,
  SendOutcome,
  SendProgress,
  StopAftermath,
} from '../data-plane.js';
import type { TlsIdentity } from './tls-channel.js';

export interface DataWorkerOptions {
  readonly address: string;
  readonly port: number;
  /** `auto` takes the native path when it is built. */
  readonly dataPath: 'auto' | 'native' | 'dgram';
  readonly identity: TlsIdentity;
  readonly serverId: string;
  readonly serverUid: string;
  readonly minCipher: number;
  /** Share of packets lost, 0 to 1, above which a fixed rate is given up. */
  readonly fixedLossMax: number;
  /** Directory of journals of received transfers. */
  readonly journalDir: string;
  /** Directory of receipts. */
  readonly receiptDir: string;
  /** Chunk slots for sending and for receiving, each. */
  readonly slots: number;
  /** Whether flows may run over TCP, both ways. */
  readonly tcpFallback: boolean;
  readonly keyEpochShift: number;
  /** Descriptor of the way to file agents; null where users' files are touched as this process. */
  readonly agentBroker: number | null;
}

interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
}

export type ToWorker =
  | { readonly type: 'send'; readonly order: SendOrder; readonly ip: string }
  | {
      readonly type: 'stopSend';
      readonly transferId: string;
      readonly reason: Reason & { readonly aftermath: StopAftermath };
    }
  | { readonly type: 'updateSend'; readonly order: SendOrder }
  | { readonly type: 'stopReceive'; readonly transferId: string; readonly reason: Reason }
  | { readonly type: 'decision'; readonly offerId: number; readonly decision: ReceiveDecision }
  | { readonly type: 'expectDiscovery' | 'dropDiscovery'; readonly discoverId: string }
  | {
      readonly type: 'sendDiscovery';
      readonly discoverId: string;
      readonly peer: { readonly address: string; readonly port: number };
    }
  | { readonly type: 'stream'; readonly stream: IncomingStream }
  | { readonly type: 'limits'; readonly limits: BandwidthLimits }
  | { readonly type: 'stop'; readonly drainMs: number };

export type FromWorker =
  | {
      readonly type: 'ready';
      readonly port: number;
      readonly path: 'native' | 'dgram';
      readonly pathReason: string;
    }
  | {
      readonly type: 'sendStarted';
      readonly transferId: string;
      readonly peer: PeerFacts;
      /** Absent over UDP. */
      readonly path?: FlowPath;
    }
  | {
      readonly type: 'sendProgress';
      readonly transferId: string;
      readonly progress: SendProgress;
    }
  | { readonly type: 'sendEnded'; readonly transferId: string; readonly outcome: SendOutcome }
  | { readonly type: 'offer'; readonly offerId: number; readonly offer: ReceiveOffer }
  | {
      readonly type: 'receiveProgress';
      readonly transferId: string;
      readonly progress: ReceiveProgress;
    }
  | { readonly type: 'receiveEnded'; readonly transferId: string; readonly outcome: ReceiveOutcome }
  | {
      readonly type: 'peerChanged';
      readonly peer: PeerFacts;
      readonly state: 'connected' | 'disconnected';
    }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
  | {
      readonly type: 'discovered';
      readonly discoverId: string;
      readonly from: { readonly address: string; readonly port: number };
    }
  | { readonly type: 'stopped' };
