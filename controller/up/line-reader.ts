import type { Readable } from 'node:stream'

/** A longer line is delivered in pieces of this many characters: a child can fill nobody's memory. */
export const lineLengthMax = 65_536

/** Calls `onLine` for every line of a child's output, without its newline; what stands before the end without one counts too. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
    if (rest.length > lineLengthMax) {
      onLine(rest)
      rest = ''
    }
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest)
    rest = ''
  })
}
