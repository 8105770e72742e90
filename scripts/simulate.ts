/** Runs many seeds of the simulated fleet: `npm run simulate -- --seeds 5000 [--from 1] [--mutant NAME]`. */
import { parseArgs } from 'node:util'
import { type RingMutant, ringMutants } from '#agent/ring/mutant.ts'
import { runSeed, type SeedSummary } from '../test/simulation/world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    mutant: { type: 'string' },
  },
})

process.exitCode = simulate(Number(values.seeds), Number(values.from), values.mutant)

function simulate(count: number, from: number, name: string | undefined): number {
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(from) || count < 1 || from < 0) {
    console.error('simulate: found other numbers, expected --seeds 1 or more and --from 0 or more')
    return 2
  }
  const mutant = ringMutants.find((known) => known === name)
  if (name !== undefined && mutant === undefined) {
    console.error(`simulate: found mutant ${name}, expected one of ${ringMutants.join(', ')}`)
    return 2
  }
  return runSeeds(count, from, mutant)
}

function runSeeds(count: number, from: number, mutant: RingMutant | undefined): number {
  const beganAt = performance.now()
  const done: SeedSummary[] = []
  for (let seed = from; seed < from + count; seed++) {
    try {
      done.push(runSeed({ seed, mutant }))
    } catch (error) {
      console.error(error instanceof Error ? error.message : error)
      console.error(`run it again: npm run simulate -- --seeds 1 --from ${seed}`)
      return 1
    }
  }
  const seconds = (performance.now() - beganAt) / 1000
  const total = (of: (summary: SeedSummary) => number): number => done.reduce((sum, summary) => sum + of(summary), 0)
  console.log(
    JSON.stringify({
      seeds: done.length,
      seedsPerSecond: Number((done.length / seconds).toFixed(1)),
      events: total(({ events }) => events),
      faults: total(({ faults }) => faults),
      simulatedHours: Number((total(({ simulatedMs }) => simulatedMs) / 3_600_000).toFixed(1)),
      settledMsMax: Math.max(...done.map(({ settledMs }) => settledMs)),
    }),
  )
  return 0
}
