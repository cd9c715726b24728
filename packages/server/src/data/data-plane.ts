/**
 * The data plane as the domain sees it: orders go in, events come out. Behind it are data workers
 * (threads) that own the UDP sockets, and disk threads that read and write files.
 */
import type { ErrorCode, RATE_POLICIES, VERIFY_MODES } from '@jetstream/contract';

export type RatePolicy = (typeof RATE_POLICIES)[number];
export type VerifyMode = (typeof VERIFY_MODES)[number];

/** Everything needed to send one transfer; plain data, it crosses a thread border. */
export interface SendOrder {
  /** 32 hex digits, unique over all servers. */
  readonly transferId: string;
  /** Absolute path of the manifest's file list, see storage/list-format.ts. */
  readonly manifestListPath: string;
  /** Both null while the manifest is being made: what is there of its list is sent already. */
  readonly totalFiles: number | null;
  readonly totalBytes: number | null;
  readonly destination: {
    /** Our name for it: transfers of one destination share its ceiling. */
    readonly id: string;
    /** Host name or IP. */
    readonly address: string;
    readonly port: number;
    /** TCP port of its control channel, where streams are taken; `port` when absent. */
    readonly controlPort?: number | null;
    /** Base64 of the receiver's Ed25519 key; null accepts any key and reports it. */
    readonly publicKey: string | null;
    /** API token for the receiver; null when our key is authorised there. */
    readonly token: string | null;
    readonly rateMaxKbps: number | null;
    readonly policy: RatePolicy;
    /** 0 to 3, see `MIN_CIPHER_*`. */
    readonly minCipher: number;
  };
  /** As the user wrote it; the receiver resolves it below its own root. */
  readonly destinationPath: string;
  readonly overwriteMode: number;
  /** The first file that fails ends the transfer; the others go on otherwise. */
  readonly stopOnFileError?: boolean;
  /** Everything appears at once at the destination path. */
  readonly publishWhole?: boolean;
  /** Null makes data durable at the end only. */
  readonly checkpointSeconds: number | null;
  /** `chunks` when absent. */
  readonly verifyMode?: VerifyMode;
  readonly priority: number;
  /** Ceiling of this transfer alone, kbit/s. */
  readonly rateMaxKbps: number | null;
  /** Policy of this transfer alone; that of the destination when null. */
  readonly policy: RatePolicy | null;
  /** Sum of `TRANSFER_FLAG_*`. */
  readonly transferFlags: number;
  /** Has the receiver begin again when it takes the transfer for complete with failed files. */
  readonly startsAnew: boolean;
  /**
   * Sends nothing: the receiver throws away what it holds of the transfer, unless that is complete.
   * Ends as `failed` with the code `cancelled` once it has.
   */
  readonly withdraws?: boolean;
}

/**
 * What the receiver does with unfinished files when a transfer is stopped: it removes them, keeps
 * them for a retry, or waits for the transfer to go on.
 */
export type StopAftermath = 'discard' | 'keep' | 'pause';

export interface FileError {
  readonly destPath: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Counters of a running transfer since it was handed over; the domain adds earlier attempts. */
export interface SendProgress {
  /** Of the whole list, or of what is known of it so far. */
  readonly filesTotal: number;
  readonly bytesTotal: number;
  /** Payload bytes sent, re-sent ones included. */
  readonly bytesSent: number;
  readonly bytesAcked: number;
  readonly bytesRetransmitted: number;
  /** File bytes that the receiver has confirmed as durable, earlier attempts included. */
  readonly bytesDurable: number;
  readonly linkBytesSent: number;
  readonly linkBytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly sendRateKbps: number;
  readonly roundTripTimeMs: number | null;
  readonly bottleneck:
    | 'source disk'
    | 'cpu'
    | 'own limit'
    | 'network'
    | 'receiver'
    | 'nothing to send'
    | null;
}

/** What a side knows of the other once the flow stands. */
export interface PeerFacts {
  readonly address: string;
  readonly port: number;
  /** Base64 of the Ed25519 key that the peer has proved to hold. */
  readonly publicKey: string;
  readonly serverId: string;
  readonly serverUid: string;
}

/** What carries a flow, and one line why. */
export interface FlowPath {
  readonly path: 'native' | 'dgram' | 'tcp';
  readonly pathReason: string;
}

/** A TCP connection for file data that someone has opened to the control port. */
export interface IncomingStream {
  /** Open descriptor, the taker's to close. */
  readonly descriptor: number;
  readonly address: string;
  readonly port: number;
  /** What was read from it already. */
  readonly head: Uint8Array;
}

/**
 * How an attempt to send ended. `interrupted` is worth another attempt (the flow broke, nothing
 * answered); `failed` is not (refused, wrong key, nothing could be read).
 */
export type SendOutcome =
  | {
      readonly kind: 'complete';
      readonly fileErrors: readonly FileError[];
      /** Absolute path of the receipt that this side wrote. */
      readonly receiptPath: string;
    }
  | { readonly kind: 'interrupted'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** A peer asks to store files here. Hostile input until the domain has said yes. */
export interface ReceiveOffer {
  readonly transferId: string;
  readonly peer: PeerFacts;
  readonly token: string | null;
  readonly destinationPath: string;
  readonly overwriteMode: number;
  readonly checkpointSeconds: number | null;
  readonly transferFlags: number;
  /** Both null when the sender does not know them yet. */
  readonly totalFiles: number | null;
  readonly totalBytes: number | null;
  /** The sender wants what is here of the transfer to be thrown away; false when absent. */
  readonly withdraws?: boolean;
}

export type ReceiveDecision =
  | {
      readonly accepted: true;
      /** Absolute directory of the operating system that nothing may leave. */
      readonly root: string;
      /** Validated components below it: the destination path. */
      readonly components: readonly string[];
      readonly owner: string;
    }
  | { readonly accepted: false; readonly code: ErrorCode; readonly message: string };

export interface ReceiveProgress {
  /** Of the whole list, or of what is known of it so far. */
  readonly filesTotal: number;
  readonly bytesTotal: number;
  readonly bytesReceived: number;
  readonly bytesDurable: number;
  readonly packetsReceived: number;
}

export type ReceiveOutcome =
  | {
      readonly kind: 'complete';
      readonly fileErrors: readonly FileError[];
      readonly receiptPath: string;
      readonly bytes: number;
      readonly files: number;
    }
  /** The flow broke; the sender may come back with the same transfer id. */
  | { readonly kind: 'interrupted'; readonly message: string }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      /** No unfinished files are left of it; false when absent. */
      readonly discarded?: boolean;
    };

/** Limits of the whole server; null is no limit. */
export interface BandwidthLimits {
  readonly incomingKbps: number | null;
  readonly outgoingKbps: number | null;
  /** Flows that others may have open to us. */
  readonly incomingConnectionsMax: number | null;
  /** Sending may use what receiving leaves unused. */
  readonly borrowIncoming: boolean;
  /** Receiving may use what sending leaves unused. */
  readonly borrowOutgoing: boolean;
}

/** Implemented by the domain. Calls arrive on the main thread, in order per transfer. */
export interface DataPlaneEvents {
  /**
   * The flow to the destination stands; the first call for an order marks its start.
   *
   * @param path Absent for the data plane's own.
   */
  sendStarted(transferId: string, peer: PeerFacts, path?: FlowPath): void;
  /** About every 250 ms while something moves. */
  sendProgress(transferId: string, progress: SendProgress): void;
  /** Last event of an order. */
  sendEnded(transferId: string, outcome: SendOutcome): void;
  /** Decides on an offer; a rejection counts as a refusal with `internal`. */
  receiveOffered(offer: ReceiveOffer): Promise<ReceiveDecision>;
  receiveProgress(transferId: string, progress: ReceiveProgress): void;
  /** Last event of one attempt to receive; a later offer with the same id goes on with it. */
  receiveEnded(transferId: string, outcome: ReceiveOutcome): void;
  /** An expected discovery packet has come in; the id is spent. */
  discovered(discoverId: string, from: { address: string; port: number }): void;
  /** A flow came up or went down. */
  peerChanged(peer: PeerFacts, state: 'connected' | 'disconnected'): void;
}

export interface DataPlane {
  /** UDP port in use, sockets bound. */
  readonly recvPort: number;
  /** `native` or `dgram`, and one line why. */
  readonly path: 'native' | 'dgram';
  readonly pathReason: string;
  /** Starts to send; events follow. The order must not be active already. */
  send(order: SendOrder): void;
  /** Ends an order; `sendEnded` follows unless it already came. The receiver is told why. */
  stopSend(
    transferId: string,
    reason: { code: ErrorCode; message: string; aftermath: StopAftermath },
  ): void;
  /** Takes over rates, policy, priority and token of an order that is active; within a second. */
  updateSend(order: SendOrder): void;
  /** Refuses further packets of a transfer that is being received. */
  stopReceive(transferId: string, reason: { code: ErrorCode; message: string }): void;
  /** Waits for discovery packets with this id, 32 hex digits, until one has come or it is dropped. */
  expectDiscovery(discoverId: string): void;
  dropDiscovery(discoverId: string): void;
  /**
   * Sends one discovery packet from the data port.
   *
   * @throws {CommandError} `destination_unreachable` if the name cannot be resolved.
   */
  sendDiscovery(discoverId: string, peer: { address: string; port: number }): Promise<void>;
  /** Takes a connection from the control port; without effect but its end where there is no use. */
  takeStream(stream: IncomingStream): void;
  /** Changes the server's limits; running transfers follow within a fifth of a second. */
  setBandwidthLimits(limits: BandwidthLimits): void;
  /** Waits up to `drainMs` for open checkpoints, then closes flows and sockets. */
  stop(options: { drainMs: number }): Promise<void>;
}
