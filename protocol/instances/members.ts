/** Who belongs to a component, and who of them is its master (seed-systems §7.6). */
import * as z from 'zod/mini'

/** One instance of a component as the others know it; the member file is a list of these, the oldest first. */
export interface Member {
  readonly id: string
  /** Of its host: inside the cloud for those in the same one, the public one for others. */
  readonly ip: string
  readonly role: 'master' | 'node'
}

/** What one instance is told of all of its component, itself included. */
export interface Members {
  /** Higher for each other master: of one term there is one master. */
  readonly term: number
  readonly masterIp: string
  readonly list: readonly Member[]
}

/** Members an instance is told of at most: the first ones, itself and the master among them. */
export const membersMax = 1000

const text = z.string().check(z.maxLength(300))

export const membersSchema: z.ZodMiniType<Members> = z.strictObject({
  term: z.int().check(z.minimum(1)),
  masterIp: text,
  list: z
    .array(z.strictObject({ id: text, ip: text, role: z.enum(['master', 'node']) }))
    .check(z.maxLength(membersMax)),
})
