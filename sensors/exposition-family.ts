/** What OpenMetrics demands of the samples of one metric family, by its type (OpenMetrics 1.0, "Metric Types"). */
import { type ExpositionSample, invalidExposition, parseNumber } from './exposition-line.ts'

/** Suffixes that samples of a type may have. */
const suffixes = {
  counter: ['_total', '_created'],
  gauge: [''],
  unknown: [''],
  stateset: [''],
  info: ['_info'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
} as const
export type FamilyType = keyof typeof suffixes

/** True for a type name OpenMetrics knows. */
function isFamilyType(text: string): text is FamilyType {
  return Object.hasOwn(suffixes, text)
}

/** A family whose samples are being read, all of them side by side. */
export class Family {
  readonly name: string
  #type: FamilyType | undefined
  #unit: string | undefined
  #hasHelp = false
  #hasSamples = false
  #group: string | undefined
  #groupAt: number | undefined
  readonly #doneGroups = new Set<string>()
  #bucket: { le: number; value: number } | undefined
  #totals = new Map<string, number>()

  constructor(name: string) {
    this.name = name
  }

  get unit(): string | undefined {
    return this.#unit
  }

  /** Every name that samples of this family could have, and its own. */
  get reservedNames(): readonly string[] {
    return [...new Set([this.name, ...suffixes[this.#type ?? 'unknown'].map((suffix) => this.name + suffix)])]
  }

  /** Takes one metadata line. Throws EXPOSITION_INVALID when repeated or after samples. */
  describe(keyword: string, text: string): void {
    if (this.#hasSamples) throw invalidExposition(`${keyword} of ${this.name} after its samples`)
    if (keyword === 'TYPE' && this.#type === undefined && isFamilyType(text)) this.#type = text
    else if (keyword === 'UNIT' && this.#unit === undefined) this.#unit = text
    else if (keyword === 'HELP' && !this.#hasHelp) this.#hasHelp = true
    else throw invalidExposition(`a wrong or second ${keyword} of ${this.name}`)
  }

  owns(sampleName: string): boolean {
    return suffixes[this.#type ?? 'unknown'].some((suffix) => this.name + suffix === sampleName)
  }

  /** Checks one sample of this family. Throws EXPOSITION_INVALID. */
  add(sample: ExpositionSample): void {
    this.#hasSamples = true
    this.#enterGroup(sample)
    this.#checkValue(sample)
    this.#checkExemplar(sample)
  }

  /** Checks what can only be known at the end. Throws EXPOSITION_INVALID. */
  end(): void {
    const type = this.#type
    if (this.#unit) {
      if (type === 'info' || type === 'stateset')
        throw invalidExposition(`a unit of ${this.name}, which is no quantity`)
      if (!this.name.endsWith(`_${this.#unit}`)) throw invalidExposition(`${this.name}, which does not end in its unit`)
    }
    this.#endGroup()
  }

  /** Samples of one label set stand together, their timestamps do not run backwards. */
  #enterGroup(sample: ExpositionSample): void {
    const own = this.#ownLabel(sample)
    const group = JSON.stringify([...sample.labels].filter(([key]) => key !== own).sort(([a], [b]) => (a < b ? -1 : 1)))
    const at = sample.timestamp === undefined ? undefined : Number(sample.timestamp)
    if (group === this.#group) {
      const isMixed = (at === undefined) !== (this.#groupAt === undefined)
      if (isMixed || (at ?? 0) < (this.#groupAt ?? 0))
        throw invalidExposition(`timestamps of ${this.name} that go back`)
      if (at !== this.#groupAt) this.#endGroup()
    } else {
      if (this.#doneGroups.has(group)) throw invalidExposition(`samples of ${this.name} that do not stand together`)
      this.#endGroup()
      if (this.#group !== undefined) this.#doneGroups.add(this.#group)
      this.#doneGroups.add(group)
    }
    this.#group = group
    this.#groupAt = at
  }

  #ownLabel(sample: ExpositionSample): string | undefined {
    if (sample.name.endsWith('_bucket')) return 'le'
    if (this.#type === 'summary') return 'quantile'
    return this.#type === 'stateset' ? this.name : undefined
  }

  #checkValue({ name, labels, value }: ExpositionSample): void {
    const suffix = name.slice(this.name.length)
    const isCount = ['_total', '_bucket', '_count', '_gcount'].includes(suffix)
    if (isCount && this.#type !== 'unknown' && !(value >= 0) && this.#type !== undefined) {
      throw invalidExposition(`${name} ${value}, expected a count`)
    }
    if (this.#type === 'stateset') this.#checkState(labels, value)
    if (this.#type === 'info' && value !== 1) throw invalidExposition(`${name} ${value}, expected 1`)
    if (this.#type === 'summary') this.#checkSummary(suffix, labels, value)
    if (this.#type === 'histogram' || this.#type === 'gaugehistogram') this.#checkHistogram(suffix, labels, value)
  }

  #checkState(labels: ReadonlyMap<string, string>, value: number): void {
    if (!labels.has(this.name)) throw invalidExposition(`a state of ${this.name} without its label`)
    if (value !== 0 && value !== 1) throw invalidExposition(`state ${value} of ${this.name}, expected 0 or 1`)
  }

  #checkSummary(suffix: string, labels: ReadonlyMap<string, string>, value: number): void {
    if (suffix === '_sum' && !(value >= 0)) throw invalidExposition(`sum ${value} of ${this.name}`)
    if (suffix !== '') return
    const quantile = parseNumber(labels.get('quantile') ?? '')
    if (!(quantile >= 0 && quantile <= 1)) throw invalidExposition(`quantile ${quantile} of ${this.name}`)
    if (value < 0) throw invalidExposition(`value ${value} of a quantile of ${this.name}`)
  }

  #checkHistogram(suffix: string, labels: ReadonlyMap<string, string>, value: number): void {
    this.#totals.set(suffix, value)
    if (suffix !== '_bucket') return
    const le = parseNumber(labels.get('le') ?? '')
    if (le === Number.POSITIVE_INFINITY && labels.get('le') !== '+Inf')
      throw invalidExposition('an le not written +Inf')
    const before = this.#bucket
    if (Number.isNaN(le) || (before && le <= before.le)) throw invalidExposition(`buckets of ${this.name} out of order`)
    if (before && value < before.value) throw invalidExposition(`buckets of ${this.name} that shrink`)
    if (le < 0) this.#totals.set('negative', 1)
    this.#bucket = { le, value }
  }

  #endGroup(): void {
    const totals = this.#totals
    const isHistogram = this.#type === 'histogram' || this.#type === 'gaugehistogram'
    if (isHistogram && totals.size > 0 && !(totals.size === 1 && totals.has('_created'))) this.#checkHistogramEnd()
    this.#totals = new Map()
    this.#bucket = undefined
  }

  #checkHistogramEnd(): void {
    const [count, sum] = this.#type === 'histogram' ? ['_count', '_sum'] : ['_gcount', '_gsum']
    const get = (key: string): number | undefined => this.#totals.get(key)
    const hasCount = get(count) !== undefined
    if (this.#bucket?.le !== Number.POSITIVE_INFINITY) throw invalidExposition(`${this.name} without a +Inf bucket`)
    if (hasCount && get(count) !== this.#bucket.value) throw invalidExposition(`a count of ${this.name} that differs`)
    if (hasCount !== (get(sum) !== undefined)) throw invalidExposition(`${this.name} with only one of count and sum`)
    const isNegative = get('negative') !== undefined
    const sumValue = get(sum) ?? 0
    if (this.#type === 'histogram' && isNegative && hasCount)
      throw invalidExposition(`a sum of ${this.name} that can fall`)
    if (!isNegative && sumValue < 0) throw invalidExposition(`sum ${sumValue} of ${this.name}`)
  }

  #checkExemplar({ name, exemplar }: ExpositionSample): void {
    if (!exemplar) return
    const isAllowed =
      (this.#type === 'counter' && name.endsWith('_total')) ||
      ((this.#type === 'histogram' || this.#type === 'gaugehistogram') && name.endsWith('_bucket'))
    if (!isAllowed) throw invalidExposition(`an exemplar at ${name}`)
  }
}
