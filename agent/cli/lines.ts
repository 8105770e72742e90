import { createReadStream } from 'node:fs'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { explainLines } from '../intake/carbon/lines.ts'
import type { Command } from './arguments.ts'
import { writeOut } from './write-out.ts'

/** Says of each carbon line what the socket would make of it, as NDJSON. */
export async function lines(command: Extract<Command, { kind: 'lines' }>): Promise<number> {
  const input = command.file === '-' ? process.stdin : createReadStream(command.file)
  const options = { fourFields: true, ...(command.nowMs === undefined ? {} : { nowMs: command.nowMs }) }
  try {
    for await (const report of explainLines(input, options, systemClock)) {
      await writeOut(`${JSON.stringify(report)}\n`)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new LanistaError('USAGE', `name a file that can be read, or - for standard input: ${messageOf(error)}`, {
      cause: error,
    })
  }
  return 0
}
