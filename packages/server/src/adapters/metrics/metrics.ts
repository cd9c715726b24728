/**
 * Figures of the running server in the text format of Prometheus, made when they are asked for: gauges
 * read what the services know at that moment, nothing is counted a second time. The library is loaded
 * with the first answer, so that no server waits for it at its start; figures of the process, such as
 * its CPU time, count from then on.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type { Registry } from 'prom-client';

type Library = typeof import('prom-client');

/** What the services know; each is asked once for each answer. */
export interface MetricSources {
  readonly version: string;
  sessions(): number;
  runningRequests(): number;
  /** Transfers that this server sends and that have not ended, by state. */
  unfinishedTransfers(): ReadonlyMap<string, number>;
  /** UDP payload of transfers since the start of the server, bytes. */
  traffic(): { readonly sentBytes: number; readonly receivedBytes: number };
}

/** One answer. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

export interface Metrics {
  read(): Promise<MetricsText>;
}

/** The library and where figures are put. */
interface Place {
  readonly library: Library;
  readonly registry: Registry;
}

/** One figure without labels. */
interface Figure {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** A counter that is kept elsewhere and only rises. */
const addRising = ({ library, registry }: Place, { name, help, read }: Figure): void => {
  new library.Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
};

const addGauge = ({ library, registry }: Place, { name, help, read }: Figure): void => {
  new library.Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
};

const addTransfers = (place: Place, sources: MetricSources): void => {
  new place.library.Gauge({
    name: 'jetstream_transfers_unfinished',
    help: 'Transfers to send that have not ended, by state',
    labelNames: ['state'],
    registers: [place.registry],
    collect() {
      this.reset();
      for (const [state, count] of sources.unfinishedTransfers()) this.set({ state }, count);
    },
  });
  addRising(place, {
    name: 'jetstream_sent_bytes_total',
    help: 'Bytes of transfers sent',
    read: () => sources.traffic().sentBytes,
  });
  addRising(place, {
    name: 'jetstream_received_bytes_total',
    help: 'Bytes of transfers received',
    read: () => sources.traffic().receivedBytes,
  });
};

const openRegistry = async (sources: MetricSources): Promise<Registry> => {
  const library = await import('prom-client');
  const registry = new library.Registry();
  const place = { library, registry };
  library.collectDefaultMetrics({ register: registry });
  new library.Gauge({
    name: 'jetstream_info',
    help: 'Version of the server',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: sources.version }, 1);
  addGauge(place, {
    name: 'jetstream_sessions',
    help: 'Open sessions',
    read: () => sources.sessions(),
  });
  addGauge(place, {
    name: 'jetstream_requests_running',
    help: 'Requests that run',
    read: () => sources.runningRequests(),
  });
  addTransfers(place, sources);
  return registry;
};

/** Figures of one server, those of its process included. */
export const openMetrics = (sources: MetricSources): Metrics => {
  let opened: Promise<Registry> | null = null;
  return {
    read: async () => {
      opened ??= openRegistry(sources);
      const registry = await opened;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
};
