/**
 * Who may make how many new series. Pure: counts in, decisions out. A budget holds for all series together, for each prefix (the first
 * tokens of a name) and for each client; known series are never refused. Counts of prefixes and clients are bounded: a flood of
 * prefixes shares one entry, and so one budget.
 */

/** A budget of its own for some prefixes. */
export interface PrefixBudget {
  /** The first tokens of a name, `*` for any one token: `shop.*` gives `shop.web` and `shop.db` a budget each. */
  readonly match: string
  /** Series below each prefix it matches. */
  readonly seriesMax: number
}

export interface CardinalityOptions {
  /** Series altogether. */
  readonly seriesMax: number
  /** Series below one prefix. Default: as many as altogether. */
  readonly prefixSeriesMax?: number | undefined
  /** Dots and what they divide that make a prefix: 2 = `shop.web` of `shop.web.requests`. Default 2. */
  readonly prefixTokens?: number | undefined
  /** Prefixes with another depth or another budget; the first that matches a name counts. */
  readonly prefixes?: readonly PrefixBudget[] | undefined
  /** New series of one client since the start. Default: as many as altogether. */
  readonly clientSeriesMax?: number | undefined
  /** Prefixes, and clients, that are counted by name; later ones share the entry `*`. Default 4096. */
  readonly namesMax?: number | undefined
}

/** The budgets there are. */
export const budgets = ['series', 'prefix', 'client'] as const
export type Budget = (typeof budgets)[number]

/** A budget of which 80 or 90 % are used now; each is said once. */
export interface NearBudget {
  readonly budget: Budget
  /** Of the prefix or client; empty for all series together. */
  readonly name: string
  readonly percent: 80 | 90
  readonly series: number
  readonly seriesMax: number
}

/** Who has made most series, and who was refused. */
export interface Talker {
  readonly name: string
  readonly series: number
  readonly refused: number
}

/** The client that is the agent itself. It has only the budget of all series, and {@link ownReserve} above it. */
export const ownClient = 'sensors'

/** Series of the agent itself that go above the budget of all series: a flood of names must not blind it. */
export const ownReserve = 1024

interface Count {
  readonly name: string
  readonly seriesMax: number
  series: number
  refused: number
  /** Per cent that were said. */
  said: 0 | 80 | 90
}

const others = '*'

export class Cardinality {
  readonly #all: Count
  readonly #prefixSeriesMax: number
  readonly #prefixTokens: number
  readonly #patterns: readonly { readonly tokens: readonly string[]; readonly seriesMax: number }[]
  readonly #clientSeriesMax: number
  readonly #namesMax: number
  readonly #prefixes = new Map<string, Count>()
  readonly #clients = new Map<string, Count>()
  readonly #refused: Record<Budget, number> = { series: 0, prefix: 0, client: 0 }
  readonly #onNear: (near: NearBudget) => void

  /** @param onNear hears of budgets that are nearly used up */
  constructor(options: CardinalityOptions, onNear: (near: NearBudget) => void = () => {}) {
    const { seriesMax } = options
    this.#all = countOf('', seriesMax)
    this.#prefixSeriesMax = options.prefixSeriesMax ?? seriesMax
    this.#prefixTokens = options.prefixTokens ?? 2
    this.#patterns = (options.prefixes ?? []).map(({ match, seriesMax: of }) => ({
      tokens: match.split('.'),
      seriesMax: of,
    }))
    this.#clientSeriesMax = options.clientSeriesMax ?? seriesMax
    this.#namesMax = options.namesMax ?? 4096
    this.#onNear = onNear
  }

  /** Series there are. */
  get series(): number {
    return this.#all.series
  }

  /** Refusals by the budget that refused. */
  get refused(): Readonly<Record<Budget, number>> {
    return this.#refused
  }

  /** Counts a series that is there already, e.g. from before the start. */
  count(name: string): void {
    this.#all.series++
    this.#prefix(name).series++
  }

  /** Counts a new series in, or says which budget refuses it. @param client who sends it, e.g. an address */
  admit(name: string, client?: string): Budget | undefined {
    const prefix = this.#prefix(name)
    const from = client === undefined ? undefined : this.#client(client)
    const refusal = this.#refusal(prefix, from)
    if (refusal !== undefined) {
      this.#refused[refusal]++
      prefix.refused++
      if (from) from.refused++
      return refusal
    }
    this.#use('series', this.#all)
    this.#use('prefix', prefix)
    if (from) this.#use('client', from)
    return undefined
  }

  /** Takes back what was counted in: the store did not take the series. */
  withdraw(name: string, client?: string): void {
    this.#all.series--
    this.#prefix(name).series--
    if (client !== undefined) this.#client(client).series--
  }

  /** The prefixes with most series, most first. */
  topPrefixes(limit: number): Talker[] {
    return top(this.#prefixes, limit)
  }

  /** The clients that made most series since the start, most first. */
  topClients(limit: number): Talker[] {
    return top(this.#clients, limit)
  }

  /** The first tokens of a name, tags left out: as many as the first pattern that matches has. */
  prefixOf(name: string): string {
    return this.#budgetOf(name).prefix
  }

  #budgetOf(name: string): { readonly prefix: string; readonly seriesMax: number } {
    for (const { tokens, seriesMax } of this.#patterns) {
      const prefix = firstTokens(name, tokens.length)
      if (matches(tokens, prefix)) return { prefix, seriesMax }
    }
    return { prefix: firstTokens(name, this.#prefixTokens), seriesMax: this.#prefixSeriesMax }
  }

  #refusal(prefix: Count, client: Count | undefined): Budget | undefined {
    if (client?.name === ownClient) return this.#all.series >= this.#all.seriesMax + ownReserve ? 'series' : undefined
    if (isFull(this.#all)) return 'series'
    if (isFull(prefix)) return 'prefix'
    return client && isFull(client) ? 'client' : undefined
  }

  #use(budget: Budget, count: Count): void {
    count.series++
    // what is as large as the budget of all says nothing that it does not say
    if (budget !== 'series' && count.seriesMax >= this.#all.seriesMax) return
    const percent = count.series >= 0.9 * count.seriesMax ? 90 : count.series >= 0.8 * count.seriesMax ? 80 : 0
    if (percent === 0 || percent <= count.said) return
    count.said = percent
    const { name, series, seriesMax } = count
    this.#onNear({ budget, name, percent, series, seriesMax })
  }

  #prefix(name: string): Count {
    const { prefix, seriesMax } = this.#budgetOf(name)
    return this.#entry(this.#prefixes, prefix, seriesMax, this.#prefixSeriesMax)
  }

  #client(name: string): Count {
    const own = name === ownClient
    return this.#entry(this.#clients, name, own ? this.#all.seriesMax : this.#clientSeriesMax, this.#clientSeriesMax)
  }

  #entry(counts: Map<string, Count>, name: string, seriesMax: number, othersMax: number): Count {
    const known = counts.get(name)
    if (known) return known
    if (counts.size >= this.#namesMax && name !== others) return this.#entry(counts, others, othersMax, othersMax)
    const entry = countOf(name, seriesMax)
    counts.set(name, entry)
    return entry
  }
}

function countOf(name: string, seriesMax: number): Count {
  return { name, seriesMax, series: 0, refused: 0, said: 0 }
}

function isFull({ series, seriesMax }: Count): boolean {
  return series >= seriesMax
}

/** All of a name that has fewer. */
function firstTokens(name: string, count: number): string {
  const tags = name.indexOf(';')
  const end = tags < 0 ? name.length : tags
  let at = -1
  for (let token = 0; token < count; token++) {
    const dot = name.indexOf('.', at + 1)
    if (dot < 0 || dot >= end) return name.slice(0, end)
    at = dot
  }
  return name.slice(0, at)
}

function matches(pattern: readonly string[], prefix: string): boolean {
  const tokens = prefix.split('.')
  return tokens.length === pattern.length && pattern.every((token, i) => token === '*' || token === tokens[i])
}

function top(counts: ReadonlyMap<string, Count>, limit: number): Talker[] {
  return [...counts.values()]
    .map(({ name, series, refused }) => ({ name, series, refused }))
    .sort((a, b) => b.series - a.series || b.refused - a.refused || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
}
