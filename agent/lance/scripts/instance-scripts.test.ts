import { describe, expect, it } from 'vitest'
import type { Members } from '#protocol/instances/members.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { parseInstanceRow } from '../instance-row.ts'
import { statusOf } from '../instance-status.ts'
import { foundForTests, handler, MachineDriver, specForTests } from '../machine-driver.ts'
import { requestRefusal, wantedScripts } from './instance-scripts.ts'

const script = { command: ['x'] }
const membersOf = (...ids: string[]): Members => ({
  term: 1,
  masterIp: '10.0.0.1',
  list: ids.map((id) => ({ id, ip: '10.0.0.1', role: 'node' })),
})
const service = (change: Partial<InstanceSpec> = {}): InstanceSpec =>
  specForTests({
    lifecycle: { install: handler, start: handler, stop: handler },
    startDetector: undefined,
    requires: [],
    members: membersOf('a'),
    service: {
      scripts: { run: script, interrupt: script, cleanup: script, notify: script },
      parameters: ['p'],
      graceMs: 1000,
    },
    ...change,
  })

class Driver extends MachineDriver {
  /** Each script that was started, and what it is now. */
  get scripts(): string {
    const all = Object.entries(statusOf(this.instance).scripts ?? {})
    return all.map(([name, { state, code }]) => `${name} ${state === 'running' ? state : code}`).join(', ')
  }

  get wanted(): string {
    return wantedScripts(this.instance, this.nowMs)
      .map(({ name, command, signal }) => [name, ...command, signal].filter((word) => word !== undefined).join(' '))
      .join(', ')
  }

  ask(action: 'run' | 'cleanup' | 'interrupt', parameters?: string[]): this {
    return this.send({ kind: 'script', ask: { id: 'shop-web-1', action, request: `r${this.nowMs}`, parameters } })
  }

  ended(name: 'run' | 'notify', code: number): this {
    const id = this.instance.row.scripts?.runs[name]?.id ?? ''
    return this.send({ kind: 'scriptEnded', name, id, code })
  }

  up(): this {
    return this.runTo('start')
      .end({ kind: 'done', found: foundForTests('running') })
      .runTo(undefined)
  }
}

describe('scripts and the life cycle of their instance', () => {
  it('init is what installs, and its return code is told', () => {
    const driver = new Driver(service()).runTo('install')
    expect(driver.scripts).toBe('init running')
    driver.end({ kind: 'failed', reason: 'x', code: 5 })
    expect([driver.scripts, driver.state]).toEqual(['init 5', 'backoff'])
    driver.wait(1000).up()
    expect([driver.scripts, driver.state]).toEqual(['init 0', 'running'])
  })

  it('an init that was broken off with its agent has no return code', () => {
    const driver = new Driver(service()).runTo('install').restart(foundForTests('prepared'))
    expect(driver.scripts).toBe('init null')
    expect(driver.up().scripts).toBe('init 0')
  })

  it('run with its own parameters or those of the service, only while the instance is up', () => {
    const driver = new Driver(service())
    expect(requestRefusal(driver.instance, { id: 'x', action: 'run', request: 'r' }, 0)?.code).toBe(
      'SERVICE_NOT_RUNNING',
    )
    expect(driver.ask('run').wanted).toBe('')
    driver.up().ask('run', ['a b'])
    expect(driver.wanted).toBe('run x a b')
    expect(driver.ended('run', 3).ask('cleanup').wanted).toBe('cleanup x p')
    expect(driver.scripts).toBe('init 0, run 3, cleanup running')
  })

  it('others that come are told of after what runs, and restart nothing', () => {
    const driver = new Driver(service()).up().ask('run')
    driver.send({ kind: 'spec', spec: service({ generation: 2, members: membersOf('a', 'b') }) })
    driver.send({ kind: 'spec', spec: service({ generation: 3, members: membersOf('a', 'b', 'c') }) })
    expect([driver.wanted, driver.state, driver.task]).toEqual(['run x p', 'running', undefined])
    expect(driver.ended('run', 0).wanted).toBe('notify x p')
    expect(driver.ended('notify', 0).wanted).toBe('')
  })

  it('what runs ends before anything else stops, and is killed when it does not', () => {
    const driver = new Driver(service()).up().ask('run')
    driver.send({ kind: 'spec', spec: service({ generation: 2, environment: { A: 'b' } }) })
    expect([driver.wanted, driver.state, driver.task]).toEqual(['run x p TERM', 'stopping', undefined])
    expect(driver.wakeAtMs).toBe(driver.nowMs + 1000)
    expect(driver.wait(1000).wanted).toBe('run x p KILL')
    driver.begun.length = 0
    driver.ended('run', 137)
    expect([driver.wanted, driver.begun]).toEqual(['', ['stop']])
    expect(driver.up().scripts).toBe('init 0, run 137')
  })

  it('what does not even end then keeps nothing from stopping', () => {
    const driver = new Driver(service()).up().ask('run').send({ kind: 'remove' })
    driver.begun.length = 0
    driver.wait(1000).wait(15_000)
    expect([driver.begun, driver.scripts]).toEqual([['stop'], 'init 0, run null'])
  })

  it('go on while their agent is away, and while nobody can reach them', () => {
    const driver = new Driver(service()).up().ask('run')
    const row = parseInstanceRow(JSON.stringify(driver.instance.row))
    expect(row?.scripts).toEqual(driver.instance.row.scripts)
    driver.restart(foundForTests('running'))
    expect(driver.wanted).toBe('run x p')
    driver.send({ kind: 'unavailable' })
    expect([driver.wanted, driver.scripts]).toEqual(['', 'init 0, run running'])
    expect(driver.send({ kind: 'found', found: foundForTests('running') }).wanted).toBe('run x p')
  })

  it('end with the main process', () => {
    const driver = new Driver(service()).up().ask('run')
    driver.send({ kind: 'exited', exit: { code: 1, signal: null, isOutOfMemory: false } })
    expect([driver.wanted, driver.scripts]).toEqual(['', 'init 0, run running'])
    expect(driver.end().scripts).toBe('init 0, run null')
  })

  it('are nothing to an instance of no service', () => {
    const driver = new Driver(service({ service: undefined })).up()
    expect(requestRefusal(driver.instance, { id: 'x', action: 'run', request: 'r' }, 0)?.code).toBe('SERVICE_UNKNOWN')
    expect([driver.ask('run').wanted, driver.scripts, driver.instance.row.scripts]).toEqual(['', '', undefined])
  })
})
