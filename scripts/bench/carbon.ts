/** The carbon parser against a plain `split` parser, and the socket up to the head, each on one core. */
import { benchCarbonParser } from '#agent/intake/carbon/parser-bench.ts'
import { benchCarbonSocket } from '#agent/intake/carbon/socket-bench.ts'
import { million, printTable, type Row } from './report.ts'

const seriesCounts = [1000, 100_000]

export async function benchCarbon(): Promise<void> {
  const parser = seriesCounts.map((series) => {
    const { byHandLinesPerSecond, splitLinesPerSecond, ratio } = benchCarbonParser(series)
    return {
      series,
      'lines/s': million(byHandLinesPerSecond),
      'split, lines/s': million(splitLinesPerSecond),
      ratio: ratio.toFixed(2),
    }
  })
  printTable('Carbon parser, in memory', parser)
  const socket: Row[] = []
  for (const series of seriesCounts) {
    const { linesPerSecond, linesPerCpuSecond } = await benchCarbonSocket(series)
    socket.push({ series, 'lines/s': million(linesPerSecond), 'lines per CPU second': million(linesPerCpuSecond) })
  }
  printTable('Carbon socket to head', socket)
}
