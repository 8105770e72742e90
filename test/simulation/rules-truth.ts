/** What really was: the load of every instance at every moment, whether anybody measured it, kept it, or sent it. */
interface Instance {
  readonly name: string
  readonly cloud: string
  readonly sinceMs: number
  goneMs: number
  readonly samples: (readonly [number, number])[]
}

/** A spike that nobody measured is nothing that anybody could know of. */
const valueMax = 100

export class RulesTruth {
  readonly #instances: Instance[] = []

  began(name: string, cloud: string, sinceMs: number): void {
    this.#instances.push({ name, cloud, sinceMs, goneMs: Number.POSITIVE_INFINITY, samples: [] })
  }

  ended(name: string, goneMs: number): void {
    const instance = this.#instances.find((each) => each.name === name)
    if (instance !== undefined) instance.goneMs = goneMs
  }

  sample(name: string, atMs: number, value: number): void {
    this.#instances.find((each) => each.name === name)?.samples.push([atMs, Math.min(value, valueMax)])
  }

  /** The highest mean of any instance over a window. */
  highestMean(endMs: number, lengthMs: number): number {
    return Math.max(...this.#there(endMs).map((instance) => mean([instance], endMs, lengthMs)))
  }

  /** The highest mean of any cloud over a window, all its samples together. */
  highestCloudMean(endMs: number, lengthMs: number): number {
    const clouds = new Set(this.#there(endMs).map(({ cloud }) => cloud))
    return Math.max(
      ...[...clouds].map((cloud) => {
        const own = this.#there(endMs).filter((instance) => instance.cloud === cloud)
        return mean(own, endMs, lengthMs)
      }),
    )
  }

  #there(endMs: number): Instance[] {
    return this.#instances.filter(({ sinceMs, goneMs }) => sinceMs < endMs && goneMs >= endMs)
  }
}

function mean(instances: readonly Instance[], endMs: number, lengthMs: number): number {
  let [sum, count] = [0, 0]
  for (const { samples } of instances) {
    for (const [atMs, value] of samples) {
      if (atMs < endMs - lengthMs || atMs >= endMs) continue
      sum += value
      count++
    }
  }
  return count === 0 ? Number.NEGATIVE_INFINITY : sum / count
}
