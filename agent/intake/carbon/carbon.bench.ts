import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { bench, describe } from 'vitest'
import type { ParserRace } from './parser-bench.ts'

/** As it ships: vitest turns every imported constant into a getter call, which costs a tight loop nine tenths of its speed. */
async function bundled(): Promise<{ parserRace: (series: number, lines: number) => ParserRace }> {
  const directory = await mkdtemp(join(tmpdir(), 'lanista-bench-'))
  try {
    const outfile = join(directory, 'parser-bench.mjs')
    const entryPoints = ['agent/intake/carbon/parser-bench.ts']
    await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' })
    return (await import(pathToFileURL(outfile).href)) as { parserRace: (series: number, lines: number) => ParserRace }
  } finally {
    await rm(directory, { recursive: true })
  }
}

const { parserRace } = await bundled()

for (const series of [1000, 100_000]) {
  const race = parserRace(series, 100_000)
  describe(`${race.lines} lines of ${series} series`, () => {
    bench('by hand', race.byHand)
    bench('split', race.bySplit)
  })
}
