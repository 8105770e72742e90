/** What the ingest keeps at most, and what it counts. */

export interface IngestLimits {
  /** Hosts with ingest state at most; messages of others are refused, not acknowledged (`hosts_limit`). */
  readonly hostsMax: number
  /** Series names a host may have open; samples of others are acknowledged and dropped (`series_limit`). */
  readonly seriesPerHostMax: number
  /** The same over all hosts. */
  readonly seriesMax: number
  /** Store ids remembered a host, the last used; an older one that speaks again starts from nothing. */
  readonly storesPerHostMax: number
  /** Disjoint ranges remembered a store; beyond it the lowest is forgotten (`ranges_forgotten`), so that a late repeat of it would count twice. */
  readonly rangesPerStoreMax: number
}

export const ingestLimits: IngestLimits = {
  hostsMax: 10_000,
  seriesPerHostMax: 200_000,
  seriesMax: 1_000_000,
  storesPerHostMax: 4,
  rangesPerStoreMax: 1024,
}

/** Counters since the start, all monotonic but the two gauges at the end. */
export interface IngestCounters {
  batches: number
  dictionaries: number
  /** Samples handed to the window. */
  samples: number
  /** Samples of ranges seen before: acknowledged again, not ingested again. */
  duplicates: number
  /** Batches left unacknowledged because they name series ids whose names we have not heard. */
  unknownSeries: number
  /** Messages that are no samples. */
  undecodable: number
  /** Messages under an address that no agent bears. */
  noAgent: number
  /** Samples acknowledged and dropped: their series is above a limit or has no valid name. */
  droppedSeriesLimit: number
  droppedName: number
  /** Messages of hosts above `hostsMax`. */
  hostsLimit: number
  rangesForgotten: number
  storesForgotten: number
  acks: number
  /** Acknowledgements not sent because the bus was down or the registry could not be written; the agent sends again. */
  acksUnsent: number
  persistFailures: number
  /** Gauge: hosts with state. */
  hosts: number
  /** Gauge: series names open, all hosts. */
  openSeries: number
}

export function newIngestCounters(): IngestCounters {
  return {
    batches: 0,
    dictionaries: 0,
    samples: 0,
    duplicates: 0,
    unknownSeries: 0,
    undecodable: 0,
    noAgent: 0,
    droppedSeriesLimit: 0,
    droppedName: 0,
    hostsLimit: 0,
    rangesForgotten: 0,
    storesForgotten: 0,
    acks: 0,
    acksUnsent: 0,
    persistFailures: 0,
    hosts: 0,
    openSeries: 0,
  }
}
