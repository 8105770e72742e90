import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdMs } from '#protocol/instances/instance-orders.ts'
import type { Members } from '#protocol/instances/members.ts'
import { emptyBook, runningScripts, type ScriptBook, statusesOf } from './script-book.ts'
import {
  asked,
  ended,
  goOn,
  type Hold,
  holdAfter,
  initBegan,
  refusalOf,
  type ScriptFacts,
  scriptsWakeAt,
  signalOf,
} from './script-machine.ts'

const script = { command: ['x'] }
const service = {
  scripts: { run: script, interrupt: script, cleanup: { command: ['x'], timeoutMs: 60_000 }, notify: script },
  parameters: [],
  graceMs: 10_000,
}
const membersOf = (...ids: string[]): Members => ({
  term: 1,
  masterIp: '10.0.0.1',
  list: ids.map((id, i) => ({ id, ip: '10.0.0.1', role: i === 0 ? 'master' : 'node' })),
})

/** One instance's scripts, told what happens in words. */
class Scripts {
  book: ScriptBook = emptyBook
  phase: ScriptFacts['phase'] = 'down'
  members: Members | undefined = membersOf('a')
  hold: Hold | undefined
  nowMs = 1_700_000_000_000
  readonly refused: string[] = []
  #asks = 0

  get facts(): ScriptFacts {
    return { service, members: this.members, phase: this.phase, hold: this.hold }
  }

  /** `init`, `up`, `ending`, `going`, `down`; `run`, `interrupt`, `cleanup`, `hold`, `release`; `NAME=CODE` ends one; `+MS` waits; `join B`. */
  do(words: string): this {
    for (const word of words.split(', ')) this.#one(word)
    return this
  }

  /** What runs, and what it is to be told. */
  get now(): string {
    const names = runningScripts(this.book)
    return names
      .map((name) =>
        [name, signalOf(this.book.runs[name] ?? { id: '', startedAtMs: 0 }, this.nowMs)].filter(Boolean).join(' '),
      )
      .join(', ')
  }

  #one(word: string): void {
    const [, name, code] = /^(\w+)=(\d+|\?)$/.exec(word) ?? []
    if (word.startsWith('+')) this.nowMs += Number(word.slice(1))
    else if (word.startsWith('join ') && this.members)
      this.members = membersOf(...this.members.list.map(({ id }) => id), word.slice(5))
    else if (name !== undefined) this.#end(name as 'run', code === '?' ? null : Number(code))
    else if (word === 'init') {
      this.book = initBegan(this.book, this.members, this.nowMs)
      this.#end('init', 0)
    } else if (['run', 'interrupt', 'cleanup', 'hold', 'release'].includes(word)) this.#ask(word as 'run')
    else this.phase = word as 'up'
    this.book = goOn(this.book, this.facts, this.nowMs)
  }

  #end(name: 'run' | 'init', code: number | null): void {
    this.book = ended(this.book, name, this.book.runs[name]?.id ?? '', code, this.nowMs)
  }

  #ask(action: 'run' | 'hold'): void {
    const ask = { id: 'x', action, request: action === 'hold' ? 'held' : `r${++this.#asks}` }
    const refusal = refusalOf(this.book, this.facts, ask, this.nowMs)
    if (refusal) {
      this.refused.push(`${action} ${refusal.code}`)
      return
    }
    this.book = asked(this.book, ask, service.graceMs, this.nowMs)
    this.hold = holdAfter(this.hold, ask, this.nowMs)
  }
}

const up = 'init, up'

describe('scripts of an instance', () => {
  it.each<[string, string, string]>([
    ['nothing runs by itself', up, ''],
    ['one is run', `${up}, run`, 'run'],
    ['it ends', `${up}, run, run=3`, ''],
    ['the first interrupt runs its script beside it', `${up}, run, interrupt`, 'run, interrupt'],
    ['at its end what runs still is told to end', `${up}, run, interrupt, interrupt=0`, 'run TERM'],
    ['and is not killed for that', `${up}, run, interrupt, interrupt=0, +999999`, 'run TERM'],
    ['the second tells both to end', `${up}, run, interrupt, interrupt`, 'run TERM, interrupt TERM'],
    ['also after the script of the first has ended', `${up}, run, interrupt, interrupt=0, interrupt`, 'run TERM'],
    ['and kills them when the grace is over', `${up}, run, interrupt, interrupt, +10000`, 'run KILL, interrupt KILL'],
    [
      'a third gives them no more time',
      `${up}, run, interrupt, interrupt, +10000, interrupt`,
      'run KILL, interrupt KILL',
    ],
    ['what lives on all the same is given up', `${up}, run, interrupt, interrupt, +25000`, ''],
    [
      'a later run is not interrupted yet',
      `${up}, run, interrupt, interrupt=0, run=143, run, interrupt`,
      'run, interrupt',
    ],
    ['one with a time limit is told to end', `${up}, cleanup, +60000`, 'cleanup TERM'],
    ['and killed', `${up}, cleanup, +60000, +10000`, 'cleanup KILL'],
    ['others are told of who comes', `${up}, join b`, 'notify'],
    ['once', `${up}, join b, notify=0`, ''],
    ['also of what came before the instance was up', 'init, join b, up', 'notify'],
    ['after the script that runs', `${up}, run, join b`, 'run'],
    ['however many came', `${up}, run, join b, join c, run=0`, 'notify'],
    ['and only once', `${up}, run, join b, join c, run=0, notify=0`, ''],
    ['of who came meanwhile afterwards', `${up}, join b, join c, notify=0`, 'notify'],
    ['one that failed was told all the same', `${up}, join b, notify=1`, ''],
    ['nobody is told while a request is about to begin', `${up}, hold, join b`, ''],
    ['but when it is over', `${up}, hold, join b, +${holdMs}`, 'notify'],
    ['or taken back', `${up}, join b, notify=0, hold, join c, release, release`, ''],
    ['what runs is ended before the instance stops', `${up}, run, ending`, 'run TERM'],
    ['and killed', `${up}, run, ending, +10000`, 'run KILL'],
    ['nothing begins then', `${up}, ending, join b`, ''],
    ['what runs goes with the instance', `${up}, run, going, down`, ''],
    ['who was told only half is told again by the next init', `${up}, join b, ending, notify=143, down, init, up`, ''],
    ['or by another notify', `${up}, join b, going, down, up`, 'notify'],
    ['while nobody can say, nothing is decided', `${up}, run, unknown, +999999`, 'run'],
  ])('%s: %s', (_name, words, expected) => {
    expect(new Scripts().do(words).now).toBe(expected)
  })

  it.each<[string, string[]]>([
    [`${up}, run, run`, ['run SCRIPT_RUNNING']],
    [`${up}, run, cleanup`, ['cleanup SCRIPT_RUNNING']],
    [`${up}, join b, run`, ['run SCRIPT_RUNNING']],
    [`${up}, run, interrupt, run=0, run`, ['run SCRIPT_RUNNING']],
    [`${up}, hold, run`, ['run SCRIPT_RUNNING']],
    [`${up}, hold, +${holdMs}, run`, []],
    [`${up}, run, hold`, ['hold SCRIPT_RUNNING']],
    [`${up}, interrupt`, ['interrupt NO_SCRIPT_RUNS']],
    ['init, run', ['run SERVICE_NOT_RUNNING']],
    [`${up}, ending, run`, ['run SERVICE_NOT_RUNNING']],
  ])('%s is refused: %s', (words, refused) => {
    expect(new Scripts().do(words).refused).toEqual(refused)
  })

  it('are told of with their return codes', () => {
    const scripts = new Scripts().do(`${up}, run, +5, run=3, cleanup, interrupt`)
    expect(
      Object.entries(statusesOf(scripts.book)).map(([name, { state, code }]) => `${name} ${state} ${code}`),
    ).toEqual(['init stopped 0', 'run stopped 3', 'cleanup running null', 'interrupt running null'])
  })

  it('are looked at again when something is due, and not before', () => {
    const scripts = new Scripts().do(`${up}, cleanup`)
    const wake = (): number | undefined => {
      const atMs = scriptsWakeAt(scripts.book, scripts.facts, scripts.nowMs)
      return atMs === undefined ? undefined : atMs - scripts.nowMs
    }
    expect(wake()).toBe(60_000)
    scripts.do('+60000')
    expect(wake()).toBe(10_000)
    scripts.do('+10000')
    expect(wake()).toBe(15_000)
    scripts.do('+15000, hold, join b')
    expect(wake()).toBe(holdMs)
  })

  it('run one at a time, each id once, and everybody is told of everything in the end', () => {
    const word = fc.constantFrom(
      'run',
      'cleanup',
      'interrupt',
      'hold',
      'release',
      'run=0',
      'cleanup=1',
      'interrupt=0',
      'notify=0',
      'notify=?',
      'join b',
      'join c',
      'up',
      'ending',
      'going',
      'down',
      'unknown',
      'init',
      '+1000',
      '+20000',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        const scripts = new Scripts().do(up)
        const begun = new Set<string>()
        let before = scripts.book
        for (const one of words) {
          scripts.do(one)
          const running = runningScripts(scripts.book)
          expect(running.filter((name) => name !== 'interrupt').length).toBeLessThanOrEqual(1)
          for (const [name, run] of Object.entries(scripts.book.runs)) {
            if (name === 'init' || run.id === before.runs[name as 'run']?.id) continue
            expect(begun.has(`${name} ${run.id}`)).toBe(false)
            begun.add(`${name} ${run.id}`)
          }
          before = scripts.book
          expect(goOn(before, scripts.facts, scripts.nowMs)).toBe(before)
          const atMs = scriptsWakeAt(before, scripts.facts, scripts.nowMs)
          expect(atMs === undefined || atMs > scripts.nowMs).toBe(true)
        }
        scripts.do(`up, run=0, cleanup=0, interrupt=0, notify=0, +${holdMs}, notify=0, notify=0`)
        expect(scripts.now).toBe('')
        expect(scripts.book.told?.list.length).toBe(scripts.members?.list.length)
      }),
    )
  })
})
