import { DEFAULT_API_PORT, DEFAULT_SERVER_ADDRESS } from '@jetstream/contract';
import { Api, type JetStreamOptions } from './api.js';

/**
 * Entry point of the client.
 *
 * @example
 * ```ts
 * await using api = new JetStream().api('files.example.org');
 * await api.connect();
 * await api.server.auth('jsmith', 'secret');
 * const { files } = await api.server.ls('/data');
 * ```
 */
export class JetStream {
  readonly #options: JetStreamOptions;

  constructor(options: JetStreamOptions = {}) {
    this.#options = options;
  }

  /**
   * API of one server; `connect()` opens it.
   *
   * @param options Settings for this server only, on top of those of the constructor.
   */
  api(
    host: string = DEFAULT_SERVER_ADDRESS,
    port: number = DEFAULT_API_PORT,
    options: JetStreamOptions = {},
  ): Api {
    return new Api({ host, port }, { ...this.#options, ...options });
  }
}
