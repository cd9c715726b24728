/**
 * Figures of the running server in the text format of Prometheus, made when they are asked for: gauges
 * read what the services know at that moment, nothing is counted a second time.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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
  text(): Promise<string>;
}

/** One figure without labels. */
interface Figure {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** A counter that is kept elsewhere and only rises. */
const addRising = (registry: Registry, { name, help, read }: Figure): void => {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
};

const addGauge = (registry: Registry, { name, help, read }: Figure): void => {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
};

const addTransfers = (registry: Registry, sources: MetricSources): void => {
  new Gauge({
    name: 'jetstream_transfers_unfinished',
    help: 'Transfers to send that have not ended, by state',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [state, count] of sources.unfinishedTransfers()) this.set({ state }, count);
    },
  });
  addRising(registry, {
    name: 'jetstream_sent_bytes_total',
    help: 'Bytes of transfers sent',
    read: () => sources.traffic().sentBytes,
  });
  addRising(registry, {
    name: 'jetstream_received_bytes_total',
    help: 'Bytes of transfers received',
    read: () => sources.traffic().receivedBytes,
  });
};

/** Figures of one server, those of its process included. */
export const openMetrics = (sources: MetricSources): MetricsText => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'jetstream_info',
    help: 'Version of the server',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: sources.version }, 1);
  addGauge(registry, {
    name: 'jetstream_sessions',
    help: 'Open sessions',
    read: () => sources.sessions(),
  });
  addGauge(registry, {
    name: 'jetstream_requests_running',
    help: 'Requests that run',
    read: () => sources.runningRequests(),
  });
  addTransfers(registry, sources);
  return { contentType: registry.contentType, text: () => registry.metrics() };
};
