import { describe, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { CommandResult } from '../runtime/instance-runtime.ts'
import { ScriptRunner, type WantedScript } from './script-runner.ts'

const wanted = (change: Partial<WantedScript> = {}): WantedScript => ({
  instance: 'shop-web-1',
  name: 'run',
  id: 'r1',
  command: ['x'],
  signal: undefined,
  ...change,
})

/** A place that answers looks and signals as it is told, and counts what is asked of it. */
class Place {
  readonly clock = new FakeClock()
  /** What the next looks say; the last one stays. */
  looks = ['script running']
  reached = 1
  failure: Error | undefined
  readonly asked: string[] = []
  readonly ended: string[] = []
  readonly runner = new ScriptRunner({
    clock: this.clock,
    logger: silentLogger,
    onEnded: ({ id }, code) => this.ended.push(`${id} ${code}`),
  })

  follow(...scripts: WantedScript[]): void {
    this.runner.follow({ runtime: this, environment: async () => ({}) }, scripts)
  }

  async launch(_id: string, command: readonly string[]): Promise<void> {
    if (this.failure) throw this.failure
    this.asked.push(`launch ${command[5]}`)
  }

  /** In small steps: what follows from one timer sets the next. */
  async pass(ms: number): Promise<void> {
    for (let i = 0; i <= ms; i += 250) await this.clock.advance(i === 0 ? 0 : 250)
  }

  /** A look lasts a second while something runs. */
  async run(_id: string, command: readonly string[], _options: unknown, signal: AbortSignal): Promise<CommandResult> {
    const isLook = command[2]?.includes('rounds') ?? false
    if (!isLook) this.asked.push(`signal ${command[5]}`)
    const said = isLook ? (this.looks.length > 1 ? this.looks.shift() : this.looks[0]) : `signalled ${this.reached}`
    if (said === 'script running') await this.clock.sleep(1000, signal)
    return { code: 0, signal: null, isOutOfMemory: false, output: `noise\n${said}\n`, isTimedOut: false }
  }
}

describe('the runner of scripts', () => {
  it('launches once, and tells the end once, also when it is told late that the script is wanted', async () => {
    const place = new Place()
    place.looks = ['script running', 'script exit 7']
    place.follow(wanted())
    await place.pass(5000)
    place.follow(wanted())
    await place.pass(5000)
    expect([place.asked, place.ended]).toEqual([['launch r1'], ['r1 7']])
    place.follow()
    place.follow(wanted({ id: 'r2' }))
    await place.pass(0)
    expect(place.asked).toEqual(['launch r1', 'launch r2'])
    await place.runner.close()
  })

  it.each<[string, number]>([
    ['script gone', 0],
    ['script absent', 40_000],
  ])('of one of which nobody can say how it ended (%s) it says so', async (said, afterMs) => {
    const place = new Place()
    place.looks = [said]
    place.follow(wanted())
    await place.pass(0)
    if (afterMs > 0) expect(place.ended).toEqual([])
    await place.pass(afterMs)
    expect(place.ended).toEqual(['r1 null'])
  })

  it('tells it to end once it can be reached, and kills it again and again', async () => {
    const place = new Place()
    place.reached = 0
    place.follow(wanted({ signal: 'TERM' }))
    await place.pass(1500)
    place.reached = 1
    await place.pass(10_000)
    const terms = place.asked.filter((one) => one === 'signal TERM').length
    expect([terms > 1, terms < 5]).toEqual([true, true])
    place.follow(wanted({ signal: 'KILL' }))
    await place.pass(5000)
    expect(place.asked.filter((one) => one === 'signal KILL').length).toBeGreaterThan(2)
    await place.runner.close()
  })

  it('gives up what cannot be launched', async () => {
    const place = new Place()
    place.failure = new Error('no')
    place.follow(wanted())
    await place.pass(10_000)
    expect(place.ended).toEqual(['r1 null'])
  })

  it('leaves alone what is not wanted any more', async () => {
    const place = new Place()
    place.follow(wanted())
    await place.pass(500)
    place.follow()
    place.looks = ['script exit 0']
    await place.pass(10_000)
    await place.runner.close()
    expect([place.asked, place.ended]).toEqual([['launch r1'], []])
  })
})
