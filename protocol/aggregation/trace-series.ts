/** The series of a recorded host as columns of values, for the bench of the sketch. */

/** The values of each series of a trace of `name value seconds` lines, in order. */
export function traceSeries(trace: string): Map<string, Float64Array> {
  const series = new Map<string, number[]>()
  for (const line of trace.trimEnd().split('\n')) {
    const [name = '', value] = line.split(' ')
    const values = series.get(name) ?? []
    series.set(name, values)
    values.push(Number(value))
  }
  return new Map(Array.from(series, ([name, values]) => [name, Float64Array.from(values)]))
}
