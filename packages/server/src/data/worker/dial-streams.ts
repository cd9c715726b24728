/**
 * Opens TLS streams to a server's control port and makes a carrier of them. The TLS here gets through
 * firewalls; whom we talk to is proven by the flow's own handshake inside.
 */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import {
  CARRIER_ID_BYTES,
  decodeStreamAnswer,
  encodeStreamFrame,
  encodeStreamHello,
  STREAM_HELLO_BYTES_MAX,
  STREAM_PROTOCOL,
  StreamFrameReader,
} from '@jetstream/transport';
import { loadNativeTcp, StreamCarrier } from '@jetstream/udp';

/** Streams that are opened for one flow. */
export const STREAMS_PER_FLOW = 4;
/** Longest time from the first packet of TCP to the answer of the server. */
const DIAL_MS_MAX = 5000;
/** Deals with loss and long ways far better than the usual default. */
const CONGESTION_CONTROL = 'bbr';

export interface DialTarget {
  readonly ip: string;
  /** TCP port of the server's control channel. */
  readonly port: number;
}

export interface Dialed {
  readonly carrier: StreamCarrier;
  /** The congestion control in use, in words. */
  readonly congestion: string;
}

interface Opened {
  readonly stream: tls.TLSSocket;
  /** Bytes that came after the answer. */
  readonly head: Uint8Array;
  readonly congestion: string;
}

/** @returns What is in use now; the system's choice stays where it cannot be changed. */
const chooseCongestion = (socket: net.Socket): string => {
  // Node does not offer the descriptor; where it is not to be had, nothing is lost but speed.
  const { _handle: handle } = socket as net.Socket & { _handle?: { fd?: unknown } | null };
  const native = loadNativeTcp();
  if (native === null) return "the system's congestion control, without the native addon";
  try {
    native.setCongestionControl(Number(handle?.fd ?? -1), CONGESTION_CONTROL);
    return CONGESTION_CONTROL;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'failed';
    return `the system's congestion control, ${CONGESTION_CONTROL}: ${code}`;
  }
};

const secure = (socket: net.Socket): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const stream = tls.connect({
      socket,
      ALPNProtocols: [STREAM_PROTOCOL],
      minVersion: 'TLSv1.3',
      // Any certificate will do: the key that counts is shown inside.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the server closed the connection')));
    stream.once('secureConnect', () => {
      if (stream.alpnProtocol === STREAM_PROTOCOL) resolve(stream);
      else reject(new Error('the server there takes no streams'));
    });
  });

const connected = (target: DialTarget, socket: net.Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it was closed')));
    socket.connect({ host: target.ip, port: target.port, noDelay: true }, resolve);
  });

/** Sends the hello and waits for the answer. @returns What came after it. */
const introduce = (stream: tls.TLSSocket, carrierId: Uint8Array): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const reader = new StreamFrameReader(STREAM_HELLO_BYTES_MAX);
    const receive = (bytes: Buffer): void => {
      let answer: ReturnType<typeof decodeStreamAnswer> | undefined;
      const used = reader.push(bytes, (packet) => {
        answer = decodeStreamAnswer(packet);
        return false;
      });
      if (used >= 0 && answer === undefined) return;
      stream.off('data', receive);
      stream.pause();
      if (answer?.taken === true) resolve(bytes.subarray(used));
      else reject(new Error(answer?.reason ?? 'the server does not answer as expected'));
    };
    stream.on('data', receive);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the server closed the connection')));
    stream.write(encodeStreamFrame(encodeStreamHello(carrierId)));
  });

const openStream = async (
  target: DialTarget,
  carrierId: Uint8Array,
  signal: AbortSignal,
): Promise<Opened> => {
  const socket = new net.Socket();
  // What goes wrong is told by the steps below, also after one of them has ended.
  socket.on('error', () => undefined);
  const abort = (): void => {
    socket.destroy(new Error('aborted'));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await connected(target, socket);
    const congestion = chooseCongestion(socket);
    const stream = await secure(socket);
    const head = await introduce(stream, carrierId);
    return { stream, head, congestion };
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw new Error(`no answer within ${DIAL_MS_MAX / 1000} s`);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

/**
 * Opens the streams; those that fail beside others that do not are left out.
 *
 * @throws {Error} If none could be opened, with the reason of the first.
 */
export const dialStreams = async (target: DialTarget, signal: AbortSignal): Promise<Dialed> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS_MAX)]);
  const carrierId = randomBytes(CARRIER_ID_BYTES);
  const results = await Promise.allSettled(
    Array.from({ length: STREAMS_PER_FLOW }, () => openStream(target, carrierId, limit)),
  );
  const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const first = opened[0];
  if (first === undefined) {
    const failure = results.find((result) => result.status === 'rejected');
    throw failure?.reason instanceof Error ? failure.reason : new Error('it could not be opened');
  }
  const carrier = new StreamCarrier({ address: target.ip, port: target.port });
  for (const { stream, head } of opened) carrier.join(stream, head);
  if (signal.aborted) carrier.destroy();
  return { carrier, congestion: first.congestion };
};
