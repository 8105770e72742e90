/** What stands in orders about instances that are there already. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import type { ExecOutcome, InstanceExec, InstanceNamed, InstanceScript } from '#protocol/instances/instance-orders.ts'
import { askedScripts, parametersMax } from '#protocol/instances/scripts.ts'
import { resultLengthMax } from '#protocol/orders/report.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import type { CommandResult } from './runtime/instance-runtime.ts'

const id = z.string().check(z.minLength(1), z.maxLength(64))
const namedSchema: z.ZodMiniType<InstanceNamed> = z.object({ id })
const execSchema: z.ZodMiniType<InstanceExec> = z.object({
  id,
  command: z.array(z.string()).check(z.minLength(1), z.maxLength(256)),
  timeoutMs: z.int().check(z.minimum(1), z.maximum(3_600_000)),
})

const scriptSchema: z.ZodMiniType<InstanceScript> = z.object({
  id,
  action: z.enum(['hold', 'release', ...askedScripts]),
  request: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  parameters: z.optional(z.array(z.string()).check(z.maxLength(parametersMax))),
})

/** Throws INSTANCE_INVALID. */
export function parseNamed(body: unknown): InstanceNamed {
  return parsed(namedSchema, body)
}

/** Throws INSTANCE_INVALID. */
export function parseExec(body: unknown): InstanceExec {
  return parsed(execSchema, body)
}

/** Throws INSTANCE_INVALID. */
export function parseScript(body: unknown): InstanceScript {
  return parsed(scriptSchema, body)
}

/** What came of a command, with as much of the end of its output as an order's result has room for. */
export function execOutcome({ code, signal, output, isTimedOut }: CommandResult): ExecOutcome {
  let end = output
  while (JSON.stringify(end).length > resultLengthMax - 200) end = end.slice(-Math.floor(end.length * 0.8))
  return { code, signal, output: end, isTimedOut }
}

function parsed<T>(schema: z.ZodMiniType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const mistake = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'another shape'
  throw new LanistaError('INSTANCE_INVALID', `correct the order: ${mistake}`)
}
