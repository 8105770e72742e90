/**
 * An address that this host has while it has instances, and at no other time: several agents of one machine have one each, so that their
 * instances do not share its ports. It stays while the agent is away, as the instances do.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

export interface OwnAddressOptions {
  /** IPv4. */
  readonly address: string
  /** The network device that is given it. */
  readonly device: string
}

/** How long `ip` may take, ms. */
const timeoutMs = 5000
const run = promisify(execFile)

export class OwnAddress {
  readonly #options: OwnAddressOptions
  readonly #logger: Pick<Logger, 'warn'>
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve()
  #isHeld = false

  constructor(options: OwnAddressOptions, logger: Pick<Logger, 'warn'>) {
    this.#options = options
    this.#logger = logger
  }

  /** The device has it from now on. Throws ADDRESS_REFUSED. */
  hold(): Promise<void> {
    return this.#next(async () => {
      if (!this.#isHeld) await changeAddress('replace', this.#options)
      this.#isHeld = true
    })
  }

  /** The device has it no more, unless it is needed again when its turn comes. Never rejects. */
  release(isNeeded: () => boolean): Promise<void> {
    return this.#next(async () => {
      if (!this.#isHeld || isNeeded()) return
      this.#isHeld = false
      await changeAddress('del', this.#options).catch((error: unknown) => {
        this.#logger.warn({ ...this.#options, error: messageOf(error) }, 'own_address_stays')
      })
    })
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}

async function changeAddress(verb: 'replace' | 'del', { address, device }: OwnAddressOptions): Promise<void> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  try {
    await run('ip', ['-4', 'address', verb, `${address}/32`, 'dev', device], { timeout: timeoutMs, env })
  } catch (error) {
    throw new LanistaError(
      'ADDRESS_REFUSED',
      `run the agent as root, or leave out instances.addressDevice: found ${messageOf(error)}, expected ${address} on ${device}`,
      { cause: error },
    )
  }
}
