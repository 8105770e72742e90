/**
 * Lines as a busy host's Graphite clients send them, made up but steady from run to run: 30 % counters, 20 % noisy and 20 %
 * slow gauges with two decimals, 30 % near-constants, one line a series each 10 s, all series of a time together.
 */
export interface CarbonLoadOptions {
  readonly series: number
  readonly steps: number
  /** Time of the first step, epoch seconds; default 1,700,000,000. */
  readonly startSeconds?: number | undefined
  /** First token of the names; default `agents`. */
  readonly prefix?: string | undefined
}

const stepSeconds = 10

const metrics = [
  'net.eth#.rx_bytes',
  'disk.sd#.reads',
  'cpu.#.user_jiffies',
  'cpu.#.percent',
  'net.eth#.util_percent',
  'mem.node#.used_percent',
  'fs.mnt#.used_percent',
  'net.eth#.errors',
  'fs.mnt#.size_bytes',
  'proc.pool#.workers',
]

/** The whole load, `series × steps` lines, as one buffer. */
export function carbonLoad(options: CarbonLoadOptions): Buffer {
  const { series, steps, startSeconds = 1_700_000_000, prefix = 'agents' } = options
  const names = Array.from({ length: series }, (_, i) => seriesName(prefix, i))
  const walks = Array.from({ length: series }, (_, i) => new Walk(i))
  const parts: Buffer[] = []
  for (let step = 0; step < steps; step++) {
    const time = ` ${startSeconds + step * stepSeconds}\n`
    parts.push(Buffer.from(names.map((name, i) => `${name} ${walks[i]?.next() ?? 0}${time}`).join('')))
  }
  return Buffer.concat(parts)
}

function seriesName(prefix: string, index: number): string {
  const host = String(Math.floor(index / 100)).padStart(5, '0')
  const metric = (metrics[index % 10] ?? '').replace('#', String(Math.floor(index / 10) % 10))
  return `${prefix}.host${host}.${metric}`
}

/** The values of one series, by its kind. */
class Walk {
  readonly #kind: number
  #state: number
  #value: number

  constructor(index: number) {
    this.#kind = index % 10
    this.#state = Math.imul(index + 1, 0x9e3779b1) || 1
    this.#value = this.#random(10_001)
  }

  next(): string {
    const kind = this.#kind
    const value = this.#value
    if (kind <= 2) this.#value += 1 + this.#random(kind === 0 ? 10_000_000 : 1000)
    else if (kind <= 4) this.#wander(50)
    else if (kind <= 6 && this.#random(4) === 0) this.#wander(5)
    else if (this.#random(2000) === 0) this.#value++
    return kind >= 3 && kind <= 6 ? (value / 100).toFixed(2) : String(value)
  }

  #wander(reach: number): void {
    this.#value = Math.min(10_000, Math.max(0, this.#value + this.#random(2 * reach + 1) - reach))
  }

  /** xorshift32, below `limit`. */
  #random(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % limit
  }
}
