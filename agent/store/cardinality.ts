/**
 * Who may make how many new series. Pure: counts in, decisions out. A budget holds for all series together, for each prefix (the first
 * tokens of a name) and for each client; known series are never refused. Counts of prefixes and clients are bounded: a flood of
 * prefixes shares one entry, and so one budget.
 */

export interface CardinalityOptions {
  /** Series altogether. */
  readonly seriesMax: number
  /** Series below one prefix. Default: as many as altogether. */
  readonly prefixSeriesMax?: number | undefined
  /** Dots and what they divide that make a prefix: 2 = `shop.web` of `shop.web.requests`. Default 2. */
  readonly prefixTokens?: number | undefined
  /** New series of one client since the start. Default: as many as altogether. */
  readonly clientSeriesMax?: number | undefined
  /** Prefixes, and clients, that are counted by name; later ones share the entry `*`. Default 4096. */
  readonly namesMax?: number | undefined
}

/** Which budget refused a series. */
export type CardinalityRefusal = 'series' | 'prefix' | 'client'

/** Who has made most series, and who was refused. */
export interface Talker {
  readonly name: string
  readonly series: number
  readonly refused: number
}

interface Count {
  series: number
  refused: number
}

const others = '*'

export class Cardinality {
  readonly #seriesMax: number
  readonly #prefixSeriesMax: number
  readonly #prefixTokens: number
  readonly #clientSeriesMax: number
  readonly #namesMax: number
  readonly #prefixes = new Map<string, Count>()
  readonly #clients = new Map<string, Count>()
  readonly #refused: Record<CardinalityRefusal, number> = { series: 0, prefix: 0, client: 0 }
  #series = 0

  constructor(options: CardinalityOptions) {
    this.#seriesMax = options.seriesMax
    this.#prefixSeriesMax = options.prefixSeriesMax ?? options.seriesMax
    this.#prefixTokens = options.prefixTokens ?? 2
    this.#clientSeriesMax = options.clientSeriesMax ?? options.seriesMax
    this.#namesMax = options.namesMax ?? 4096
  }

  /** Series there are. */
  get series(): number {
    return this.#series
  }

  /** How much of the budget for all series is used, 0 to 1: warn from 0.8 on. */
  get used(): number {
    return this.#seriesMax === 0 ? 1 : this.#series / this.#seriesMax
  }

  /** Refusals by the budget that refused. */
  get refused(): Readonly<Record<CardinalityRefusal, number>> {
    return this.#refused
  }

  /** Counts a series that is there already, e.g. from before the start. */
  count(name: string): void {
    this.#series++
    this.#entry(this.#prefixes, this.prefixOf(name)).series++
  }

  /** Counts a new series in, or says which budget refuses it. @param client who sends it, e.g. an address; absent for sensors */
  admit(name: string, client?: string): CardinalityRefusal | undefined {
    const prefix = this.#entry(this.#prefixes, this.prefixOf(name))
    const from = client === undefined ? undefined : this.#entry(this.#clients, client)
    const refusal = this.#refusal(prefix, from)
    if (refusal !== undefined) {
      this.#refused[refusal]++
      prefix.refused++
      if (from) from.refused++
      return refusal
    }
    this.#series++
    prefix.series++
    if (from) from.series++
    return undefined
  }

  /** The prefixes with most series, most first. */
  topPrefixes(limit: number): Talker[] {
    return top(this.#prefixes, limit)
  }

  /** The clients that made most series since the start, most first. */
  topClients(limit: number): Talker[] {
    return top(this.#clients, limit)
  }

  /** The first tokens of a name, tags left out. */
  prefixOf(name: string): string {
    const tags = name.indexOf(';')
    const end = tags < 0 ? name.length : tags
    let at = -1
    for (let token = 0; token < this.#prefixTokens; token++) {
      const dot = name.indexOf('.', at + 1)
      if (dot < 0 || dot >= end) return name.slice(0, end)
      at = dot
    }
    return name.slice(0, at)
  }

  #refusal(prefix: Count, client: Count | undefined): CardinalityRefusal | undefined {
    if (this.#series >= this.#seriesMax) return 'series'
    if (prefix.series >= this.#prefixSeriesMax) return 'prefix'
    return client && client.series >= this.#clientSeriesMax ? 'client' : undefined
  }

  #entry(counts: Map<string, Count>, name: string): Count {
    const known = counts.get(name)
    if (known) return known
    if (counts.size >= this.#namesMax && name !== others) return this.#entry(counts, others)
    const entry = { series: 0, refused: 0 }
    counts.set(name, entry)
    return entry
  }
}

function top(counts: ReadonlyMap<string, Count>, limit: number): Talker[] {
  return [...counts]
    .map(([name, { series, refused }]) => ({ name, series, refused }))
    .sort((a, b) => b.series - a.series || b.refused - a.refused || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
}
