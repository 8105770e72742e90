/** Both halves of an instance's log: the agent's desk and the controller's reader, on one bus. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogDesk } from '#agent/lance/log-desk.ts'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { InstanceLog, type LogChoice } from '#controller/instances/instance-log.ts'
import { leaseMs, logLineMax } from '#protocol/instances/log-messages.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'

const address = { tenant: 'main', cloud: 'home', host: 'h1' }
const record = { id: 'shop-web-1', host: 'main.home.h1' }

/** A log that tests write to. */
class Pen {
  readonly #lines: string[]
  #wake: () => void = () => {}
  /** Readers of it now. */
  readers = 0

  constructor(...lines: readonly string[]) {
    this.#lines = [...lines]
  }

  write(...lines: readonly string[]): void {
    this.#lines.push(...lines)
    this.#wake()
  }

  async *readLog(_: string, { lines, isFollowed }: LogChoice, signal: AbortSignal): AsyncGenerator<string> {
    this.readers++
    try {
      for (let at = Math.max(0, this.#lines.length - lines); ; at++) {
        if (isFollowed) await this.#written(at, signal)
        const line = this.#lines[at]
        if (line === undefined) return
        yield line
      }
    } finally {
      this.readers--
    }
  }

  /** Waits for a line at this place. */
  async #written(at: number, signal: AbortSignal): Promise<void> {
    while (at >= this.#lines.length && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }
}

describe('the log of an instance', () => {
  let clock: FakeClock
  let broker: MemoryBroker
  let controller: Bus
  let pen: Pen
  let desk: LogDesk
  let gone: AbortController

  const open = (choice: LogChoice): Promise<InstanceLog> =>
    InstanceLog.open(record, choice, { bus: controller, clock }, gone.signal)

  /** Lets time go by until the promise is settled. */
  async function during<T>(promise: Promise<T>): Promise<T> {
    const state = { isOver: false }
    const over = (): void => {
      state.isOver = true
    }
    promise.then(over, over)
    while (!state.isOver) {
      await clock.advance(50)
      await systemClock.sleep(0)
    }
    return promise
  }

  beforeEach(async () => {
    clock = new FakeClock()
    broker = new MemoryBroker({ clock, logger: silentLogger })
    controller = broker.connect({ kind: 'controller' })
    const bus = broker.connect({ kind: 'agent', address })
    await Promise.all([bus, controller].map((each) => each.up(AbortSignal.timeout(5000))))
    gone = new AbortController()
    pen = new Pen('one', 'two', 'three')
    const runtimeOf = (id: string): Pen | undefined => (id === record.id ? pen : undefined)
    desk = new LogDesk({ address, bus, clock, logger: silentLogger, runtimeOf })
  })

  afterEach(async () => {
    gone.abort(new Error('the test is over'))
    await desk.close()
  })

  async function all(log: InstanceLog): Promise<string[]> {
    const found: string[] = []
    for await (const line of log.lines()) found.push(line)
    return found
  }

  it('is its newest lines, in order, and ends', async () => {
    expect(await during(all(await during(open({ lines: 2, isFollowed: false }))))).toEqual(['two', 'three'])
  })

  it('is all of its lines, however many, in pieces that the bus takes', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `${i} ${'x'.repeat(100)}`)
    pen.write(...many, 'y'.repeat(10_000))
    const lines = await during(all(await during(open({ lines: 2001, isFollowed: false }))))
    expect(lines).toEqual([...many, 'y'.repeat(logLineMax)])
  })

  it('goes on with what comes while it is followed, and is read no more once nobody follows', async () => {
    const log = await during(open({ lines: 1, isFollowed: true }))
    const lines = log.lines()
    expect((await during(lines.next())).value).toBe('three')
    await clock.advance(3 * leaseMs)
    pen.write('four')
    expect((await during(lines.next())).value).toBe('four')
    expect(pen.readers).toBe(1)
    await during(lines.return(undefined))
    for (let i = 0; i < 20; i++) await during(clock.advance(leaseMs / 10))
    expect(pen.readers).toBe(0)
  })

  it('is refused for another instance, and by a host that is not there', async () => {
    const wrong = { ...record, id: 'shop-web-2' }
    const sources = { bus: controller, clock }
    const choice = { lines: 1, isFollowed: true }
    await expect(during(InstanceLog.open(wrong, choice, sources, gone.signal))).rejects.toMatchObject({
      code: 'INSTANCE_UNKNOWN',
    })
    await desk.close()
    await expect(during(open(choice))).rejects.toMatchObject({ code: 'HOST_UNAVAILABLE' })
  })

  it('is sent to so many at once only', async () => {
    for (let i = 0; i < 8; i++) await during(open({ lines: 0, isFollowed: true }))
    await expect(during(open({ lines: 0, isFollowed: true }))).rejects.toMatchObject({ code: 'BUSY' })
  })
})
