/**
 * Who is expected to say something of the monitors of a cloud: every host that was ever seen on the ring and has not left. The ring forgets
 * a host that has been dead for a day; here it stays, across restarts in `aggregate-members.json`, until it leaves or is removed.
 */
import { join } from 'node:path'
import * as z from 'zod/mini'
import { messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { isId } from '#protocol/subjects/token.ts'
import type { MemberState } from '../ring/membership.ts'

/** Hosts expected; further ones are not waited for. */
const membersMax = 5_000

const schema: z.ZodMiniType<readonly string[]> = z.array(z.string().check(z.refine(isId)))

export class MemberList {
  readonly #path: string
  readonly #logger: Logger
  readonly #hosts: Set<string>

  /** A file that cannot be read counts as none. */
  constructor(data: string, logger: Logger) {
    this.#path = join(data, 'aggregate-members.json')
    this.#logger = logger
    this.#hosts = new Set(this.#read())
  }

  get hosts(): readonly string[] {
    return [...this.#hosts]
  }

  /** Takes what the ring knows. */
  update(states: ReadonlyMap<string, MemberState>): void {
    let isChanged = false
    for (const [host, state] of states) {
      if (state === 'left') isChanged = this.#hosts.delete(host) || isChanged
      else if (!this.#hosts.has(host) && this.#hosts.size < membersMax) {
        this.#hosts.add(host)
        isChanged = true
      }
    }
    if (isChanged) this.#write()
  }

  #read(): readonly string[] {
    try {
      return schema.parse(JSON.parse(readSecretFile(this.#path) ?? '[]')).slice(0, membersMax)
    } catch (error) {
      this.#logger.warn({ path: this.#path, error: messageOf(error) }, 'members_not_kept')
      return []
    }
  }

  #write(): void {
    try {
      writeSecretFile(this.#path, `${JSON.stringify([...this.#hosts].sort())}\n`)
    } catch (error) {
      this.#logger.warn({ path: this.#path, error: messageOf(error) }, 'members_not_kept')
    }
  }
}
