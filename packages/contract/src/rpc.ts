/** JSON-RPC 2.0 messages as they travel over `/rpc`. */
import type { ErrorCode } from './errors.js';

export interface RpcCall {
  readonly jsonrpc: '2.0';
  readonly id?: string | number | null;
  readonly method: string;
  /** By name, or by position in the order of the method's `required`. */
  readonly params?: Record<string, unknown> | unknown[];
}

/** Why a call failed, inside a reply. */
export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly code: ErrorCode; readonly details: Record<string, unknown> };
}

export type RpcReply =
  | { readonly jsonrpc: '2.0'; readonly id: string | number | null; readonly result: unknown }
  | {
      readonly jsonrpc: '2.0';
      readonly id: string | number | null;
      readonly error: RpcErrorObject;
    };

/** Sent by the server without being asked, to sessions that have subscribed. */
export interface RpcNotification {
  readonly jsonrpc: '2.0';
  readonly method: 'notify';
  readonly params: { readonly topic: 'transfers' | 'requests' | 'events'; readonly item: unknown };
}

/** Body of a failed `POST /api/<method>`. */
export interface HttpErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: Record<string, unknown>;
  };
}

/** Limits of the control channel that a client should know. */
export const RPC_LIMITS = {
  /** Bytes of one WebSocket message or HTTP body. */
  messageBytesMax: 16 * 1024 * 1024,
  /** Calls in one batch. */
  batchCallsMax: 100,
  /** WebSocket close code for a message over the limit. */
  closeTooLarge: 1009,
} as const;
