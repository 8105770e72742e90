import * as z from 'zod/mini'
import { handlerNames } from './spec.ts'
import type { InstanceFailure } from './status.ts'

/** An InstanceFailure, on the wire and on the agent's disk; how long a reason may be is the reader's. */
export function failureSchemaOf(reason: z.ZodMiniType<string>): z.ZodMiniType<InstanceFailure> {
  return z.object({
    kind: z.enum([
      'INIT_FAILED',
      'INSTALL_FAILED',
      'STARTUP_FAILED',
      'TERMINATION_FAILED',
      'UNEXPECTED_EXECUTION_STOP',
      'UNKNOWN',
    ]),
    handler: z.optional(z.enum([...handlerNames, 'startDetector', 'onChange'])),
    code: z.optional(z.string().check(z.maxLength(64))),
    reason,
  })
}
