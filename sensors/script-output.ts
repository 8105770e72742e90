/** What a script may print: one number, or lines `name value`, where a name may carry carbon's tags (`name;tag=value`). */
import { LanistaError } from '#protocol/errors.ts'
import { parseSeries } from '#protocol/metrics/series.ts'
import type { Reading } from './sensor.ts'

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Parses the whole output; blank lines count for nothing.
 * @param metric name for an output that is one number
 * @throws LanistaError SCRIPT_OUTPUT naming the line
 */
export function parseScriptOutput(text: string, metric: string): readonly Reading[] {
  const lines = text.split('\n').map((line) => line.trim())
  const full = lines.filter((line) => line !== '')
  const [only] = full
  if (full.length === 1 && only !== undefined && number.test(only)) return [{ name: metric, value: Number(only) }]
  if (full.length === 0) throw invalid(1, 'nothing')
  return lines.flatMap((line, index) => (line === '' ? [] : [parseLine(line, index + 1)]))
}

function parseLine(line: string, lineNumber: number): Reading {
  const [name = '', value = '', ...rest] = line.split(/[ \t]+/)
  const series = parseSeries(name)
  const parsed = Number(value)
  if (rest.length > 0 || typeof series === 'string' || !number.test(value) || !Number.isFinite(parsed)) {
    throw invalid(lineNumber, JSON.stringify(line.slice(0, 80)))
  }
  return { ...series, value: parsed }
}

function invalid(line: number, found: string): LanistaError {
  return new LanistaError(
    'SCRIPT_OUTPUT',
    `print other output, line ${line}: found ${found}, expected a number, or lines of name and number`,
    { data: { line } },
  )
}
