import { describe, expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { waitMsMax } from './instance-status.ts'
import { foundForTests, handler, MachineDriver, specForTests } from './machine-driver.ts'

const exit = { code: 1, signal: null, isOutOfMemory: false }
const peer = (n: number): { instance: string; cloud: string } => ({
  instance: `shop-db-${n}`,
  cloud: `10.0.0.${n}:5432`,
})
const requiring = (peers: readonly { instance: string; cloud: string }[]): Pick<InstanceSpec, 'requires'> => ({
  requires: [{ name: 'sql', min: 1, onChange: handler, peers }],
})
const running = (change: Partial<InstanceSpec> = {}): MachineDriver => {
  const driver = new MachineDriver(specForTests(change)).runTo(undefined)
  driver.begun.length = 0
  return driver
}
const failed = { kind: 'failed', reason: 'no' } as const
const whole = ['prepare', 'init', 'preInstall', 'install', 'postInstall', 'preStart', 'start', 'detect', 'postStart']
const anew = ['prepare clean', ...whole.slice(1)]

describe('the life cycle', () => {
  it('runs every handler in the order of the seed, one after the other', () => {
    const driver = new MachineDriver().runTo(undefined)
    expect(driver.begun).toEqual(whole)
    expect(driver.state).toBe('running')
    driver.begun.length = 0
    driver.send({ kind: 'remove' }).runTo(undefined)
    expect(driver.begun).toEqual(['preStop', 'stop', 'halt', 'postStop', 'destroy'])
    expect(driver.state).toBe('removed')
  })

  it('needs no handler but start, and in Docker not even that', () => {
    const spec = specForTests({ lifecycle: {}, startDetector: undefined, isolation: 'docker', image: 'a' })
    const driver = new MachineDriver(spec).runTo(undefined)
    expect(driver.begun).toEqual(['prepare', 'start'])
    expect(driver.state).toBe('running')
    expect(driver.send({ kind: 'remove' }).runTo(undefined).begun.slice(2)).toEqual(['halt', 'destroy'])
  })

  it.each([
    ['prepare', 'INSTALL_FAILED'],
    ['init', 'INIT_FAILED'],
    ['preInstall', 'INSTALL_FAILED'],
    ['install', 'INSTALL_FAILED'],
    ['postInstall', 'INSTALL_FAILED'],
  ])('begins again in a clean place after a failure in %s: %s', (name, kind) => {
    const driver = new MachineDriver().runTo(name).end(failed)
    expect([driver.state, driver.instance.row.failure?.kind]).toEqual(['backoff', kind])
    expect(driver.wakeAtMs).toBe(driver.nowMs + 1000)
    driver.begun.length = 0
    expect(driver.wait(999).task).toBeUndefined()
    expect(driver.wait(1).begun).toEqual(['prepare clean'])
  })

  it.each(['start', 'detect', 'postStart'])(
    'ends what may run after a failure in %s, and starts again later',
    (name) => {
      const driver = new MachineDriver().runTo(name).end(failed)
      expect(driver.instance.row.failure?.kind).toBe('STARTUP_FAILED')
      driver.runTo(undefined)
      expect(driver.begun.slice(-2)).toEqual(['halt', 'postStop'])
      expect(driver.state).toBe('backoff')
      expect(driver.wait(1000).runTo(undefined).state).toBe('running')
      expect(driver.instance.row.restarts).toBe(1)
    },
  )

  it.each(['preStop', 'stop', 'postStop'])('stops all the same when %s fails', (name) => {
    const driver = running().send({ kind: 'spec', spec: specForTests({ generation: 2, isWanted: false }) })
    driver.runTo(name).end(failed).runTo(undefined)
    expect(driver.begun).toEqual(['preStop', 'stop', 'halt', 'postStop'])
    expect([driver.state, driver.instance.row.failure?.kind]).toEqual(['stopped', 'TERMINATION_FAILED'])
  })

  it.each(['halt', 'destroy'])('tries %s until it succeeds: nothing may be left behind', (name) => {
    const driver = running().send({ kind: 'remove' }).runTo(name)
    for (let i = 0; i < 5; i++) expect(driver.end(failed).wait(5000).task?.kind).toBe(name)
    expect(driver.runTo(undefined).state).toBe('removed')
  })
})

describe('what stops by itself', () => {
  it('is started again, with growing pauses, until it is a crash loop', () => {
    const driver = running()
    const pauses: number[] = []
    for (let i = 0; i < 3; i++) {
      driver.send({ kind: 'exited', exit }).runTo(undefined)
      expect([driver.state, driver.instance.row.failure?.kind]).toEqual(['backoff', 'UNEXPECTED_EXECUTION_STOP'])
      const pause = (driver.wakeAtMs ?? 0) - driver.nowMs
      pauses.push(pause)
      expect(driver.wait(pause).runTo(undefined).state).toBe('running')
    }
    expect(pauses).toEqual([1000, 2000, 4000])
    expect(driver.send({ kind: 'exited', exit }).runTo(undefined).state).toBe('crashLooping')
    expect([driver.wakeAtMs, driver.wait(86_400_000).state]).toEqual([undefined, 'crashLooping'])
  })

  it('is left down as a crash loop whatever its peers do, and started by an update or an order', () => {
    const looping = (): MachineDriver => {
      const driver = running({ restart: { ...specForTests().restart, restartsMax: 0 } })
      return driver.send({ kind: 'exited', exit }).runTo(undefined)
    }
    const { restart } = looping().instance.row.spec
    const wired = specForTests({ ...requiring([peer(2)]), generation: 2, restart })
    expect(looping().send({ kind: 'spec', spec: wired }).state).toBe('crashLooping')
    const update = specForTests({ environment: { A: '1' }, generation: 2, restart })
    expect(looping().send({ kind: 'spec', spec: update }).runTo(undefined).state).toBe('running')
    expect(looping().send({ kind: 'restart' }).runTo(undefined).state).toBe('running')
  })

  it('is done when it ends with 0, unless it is always to run', () => {
    const done = { ...exit, code: 0 }
    expect(running().send({ kind: 'exited', exit: done }).runTo(undefined).state).toBe('stopped')
    const always = running({ restart: { ...specForTests().restart, on: 'always' } })
    expect(always.send({ kind: 'exited', exit: done }).runTo(undefined).state).toBe('backoff')
    const never = running({ restart: { ...specForTests().restart, on: 'never' } })
    expect(never.send({ kind: 'exited', exit }).runTo(undefined).state).toBe('failed')
  })

  it('is ended for good when a detector says that it has stopped', () => {
    const driver = running().send({ kind: 'stopDetected', reason: 'port closed' })
    expect(driver.task?.kind).toBe('halt')
    expect(driver.runTo(undefined).instance.row.failure?.reason).toBe('port closed')
  })

  it('failed to start when it ends before it was detected, whose detector is cancelled first', () => {
    const driver = new MachineDriver().runTo('detect').send({ kind: 'exited', exit })
    expect(driver.cancelled).toHaveLength(1)
    expect(driver.task?.kind).toBe('detect')
    driver.end({ kind: 'cancelled' })
    expect([driver.task?.kind, driver.instance.row.failure?.kind]).toEqual(['halt', 'STARTUP_FAILED'])
  })
})

describe('peers', () => {
  it('are waited for, by name, and not for ever', () => {
    const driver = new MachineDriver(specForTests(requiring([])))
    expect([driver.state, driver.task]).toEqual(['waiting', undefined])
    expect(driver.wakeAtMs).toBe(driver.nowMs + waitMsMax)
    expect(driver.wait(waitMsMax).state).toBe('failed')
    driver.send({ kind: 'spec', spec: specForTests({ generation: 2 }) })
    expect(driver.runTo(undefined).state).toBe('running')
  })

  it('that come and go are told of one after the other, coalesced, never lost', () => {
    const driver = running()
    driver.send({ kind: 'spec', spec: specForTests({ ...requiring([peer(1), peer(2)]), generation: 2 }) })
    expect(driver.begun).toEqual(['onChange'])
    for (let generation = 3; generation < 9; generation++) {
      driver.send({ kind: 'spec', spec: specForTests({ ...requiring([peer(generation)]), generation }) })
    }
    expect([driver.begun, driver.cancelled]).toEqual([['onChange'], []])
    expect(driver.end().task).toMatchObject({ kind: 'onChange', peers: [peer(8)] })
    expect([driver.end().task, driver.state]).toEqual([undefined, 'running'])
  })

  it('that come while it is being started are told of once it runs', () => {
    const driver = new MachineDriver().runTo('start')
    driver.send({ kind: 'spec', spec: specForTests({ ...requiring([peer(2)]), generation: 2 }) })
    expect(driver.cancelled).toEqual([])
    expect(driver.runTo(undefined).begun).toEqual([...whole, 'onChange'])
  })

  it('are told of again when the handler fails, three times', () => {
    const driver = running().send({ kind: 'spec', spec: specForTests({ ...requiring([peer(2)]), generation: 2 }) })
    driver.end(failed).wait(1000).end(failed).wait(2000).end(failed).wait(86_400_000)
    expect(driver.begun).toEqual(['onChange', 'onChange', 'onChange'])
    expect([driver.state, driver.instance.row.failure?.handler]).toEqual(['running', 'onChange'])
  })

  it.each([
    ['directory', ['preStop', 'stop', 'halt', 'postStop', 'preStart', 'start', 'detect', 'postStart']],
    ['docker', ['preStop', 'stop', 'halt', 'postStop', ...anew]],
  ] as const)('without a handler need a new start: %s', (isolation, begun) => {
    const deaf = (generation: number, n: number): InstanceSpec =>
      specForTests({ isolation, generation, requires: [{ name: 'sql', min: 1, peers: n ? [peer(n)] : [] }] })
    const driver = new MachineDriver(deaf(1, 1)).runTo(undefined)
    driver.begun.length = 0
    expect(driver.send({ kind: 'spec', spec: deaf(2, 0) }).state).toBe('running')
    driver.send({ kind: 'spec', spec: deaf(3, 2) }).runTo(undefined)
    expect([driver.begun, driver.state]).toEqual([begun, 'running'])
  })
})

describe('a newer generation', () => {
  const start = ['preStart', 'start', 'detect', 'postStart']
  const stop = ['preStop', 'stop', 'halt', 'postStop']
  it.each<[string, Partial<InstanceSpec>, readonly string[]]>([
    ['code', { code: { id: '2', sha256: 'b', bytes: 1 } }, [...stop, 'prepare', ...whole.slice(1)]],
    ['a file', { files: [{ path: 'a', text: '', isExecutable: false }] }, [...stop, 'prepare', ...whole.slice(1)]],
    ['a limit', { resources: { cpus: 1 } }, [...stop, 'prepare', ...whole.slice(1)]],
    ['isolation', { isolation: 'docker', image: 'a' }, [...stop, ...anew]],
    ['a variable', { environment: { A: '1' } }, [...stop, ...start]],
    ['the restart policy', { restart: { ...specForTests().restart, on: 'never' } }, []],
    ['the stop handler', { lifecycle: { ...specForTests().lifecycle, stop: { ...handler, timeoutMs: 5 } } }, []],
    ['its peers', requiring([peer(2)]), ['onChange']],
    ['nothing', {}, []],
    ['that it should run', { isWanted: false }, stop],
  ])('that changes %s does what that needs and no more', (_name, change, begun) => {
    const driver = running().send({ kind: 'spec', spec: specForTests({ ...change, generation: 2 }) })
    expect(driver.runTo(undefined).begun).toEqual(begun)
    expect(driver.instance.row.active?.generation ?? 2).toBe(driver.state === 'stopped' ? 1 : 2)
  })

  it('is not taken for an older one', () => {
    const driver = running({ generation: 3 })
    driver.send({ kind: 'spec', spec: specForTests({ isWanted: false, generation: 2 }) })
    expect([driver.begun, driver.state]).toEqual([[], 'running'])
  })

  it('of other code cancels an installation, which begins anew once that has ended', () => {
    const driver = new MachineDriver().runTo('install')
    driver.begun.length = 0
    driver.send({ kind: 'spec', spec: specForTests({ generation: 2, code: { id: '2', sha256: 'b', bytes: 1 } }) })
    expect([driver.cancelled.length, driver.begun]).toEqual([1, []])
    expect(driver.end({ kind: 'cancelled' }).begun).toEqual(['prepare clean'])
  })

  it('stops what runs with the handlers it was started with', () => {
    const other = { commands: [['other']], timeoutMs: 1 }
    const lifecycle = { ...specForTests().lifecycle, preStop: other, preStart: other }
    const driver = running().send({ kind: 'spec', spec: specForTests({ generation: 2, lifecycle }) })
    expect(driver.task).toMatchObject({ name: 'preStop', handler: { commands: [['do']] } })
  })
})

describe('a removal', () => {
  const all = [...whole, 'preStop', 'stop', 'halt', 'postStop']
  it.each(all)('in the middle of %s ends it and leaves nothing', (name) => {
    const driver = new MachineDriver().runTo(name)
    if (!driver.task) driver.send({ kind: 'spec', spec: specForTests({ generation: 2, isWanted: false }) }).runTo(name)
    driver.send({ kind: 'remove' })
    const isStopping = all.indexOf(name) >= whole.length
    expect(driver.cancelled).toHaveLength(isStopping ? 0 : 1)
    driver.end(isStopping ? { kind: 'done' } : { kind: 'cancelled' }).runTo(undefined)
    expect([driver.begun.at(-1), driver.state]).toEqual(['destroy', 'removed'])
  })

  it('is the end: nothing brings it back', () => {
    const driver = running().send({ kind: 'remove' }).runTo(undefined)
    driver.send({ kind: 'spec', spec: specForTests({ generation: 9 }) }).send({ kind: 'restart' })
    expect([driver.state, driver.task]).toEqual(['removed', undefined])
  })
})

describe('an agent that is killed and starts again', () => {
  it.each(whole.slice(0, 5))('in %s installs again in a clean place', (name) => {
    const driver = new MachineDriver().runTo(name).restart(foundForTests('prepared'))
    expect(driver.begun).toEqual(['prepare clean'])
    expect(driver.runTo(undefined).state).toBe('running')
  })

  it('in preStart does it again', () => {
    expect(new MachineDriver().runTo('preStart').restart(foundForTests('prepared')).begun).toEqual(['preStart'])
  })

  it.each([
    ['start', 'running', 'detect'],
    ['start', 'prepared', 'preStart'],
    ['detect', 'running', 'detect'],
    ['detect', 'exited', 'halt'],
    ['postStart', 'running', 'postStart'],
    ['preStop', 'running', 'preStop'],
    ['stop', 'running', 'stop'],
    ['stop', 'exited', 'halt'],
    ['halt', 'running', 'halt'],
    ['postStop', 'exited', 'postStop'],
    ['destroy', 'exited', 'destroy'],
  ] as const)('in %s looks first: %s, so %s', (name, state, begun) => {
    const driver = new MachineDriver().runTo(name)
    if (!driver.task) driver.send({ kind: 'remove' }).runTo(name)
    const isRemoving = driver.instance.row.isRemoving
    driver.restart(foundForTests(state, state === 'exited' ? { exit } : {}))
    expect(driver.begun).toEqual([begun])
    expect(driver.runTo(undefined).state).toBe(isRemoving ? 'removed' : state === 'exited' ? 'backoff' : 'running')
  })

  it('leaves what runs alone', () => {
    const driver = running().restart(foundForTests('running'))
    expect([driver.begun, driver.state]).toEqual([[], 'running'])
  })

  it('learns what ended meanwhile, and of places that are gone', () => {
    const ended = running().restart(foundForTests('exited', { exit }))
    expect(ended.runTo(undefined).instance.row.failure?.reason).toContain('exit code 1')
    const gone = running().restart(undefined)
    expect([gone.state, gone.instance.row.failure?.kind]).toEqual(['backoff', 'UNEXPECTED_EXECUTION_STOP'])
    expect(gone.wait(1000).begun).toEqual(['prepare'])
  })

  it('decides nothing before the runtime has said what is there', () => {
    const driver = running().send({ kind: 'unavailable' })
    driver.send({ kind: 'remove' }).wait(86_400_000)
    expect([driver.state, driver.begun]).toEqual(['unknown', []])
    expect(driver.send({ kind: 'found', found: foundForTests('running') }).begun).toEqual(['preStop'])
  })

  it('whose runtime stopped to answer in the middle of a start looks whether it happened', () => {
    const driver = new MachineDriver().runTo('start').end({ kind: 'unavailable' })
    expect(driver.state).toBe('unknown')
    expect(driver.send({ kind: 'found', found: foundForTests('running') }).task?.kind).toBe('detect')
  })

  it('ends what runs and should not', () => {
    const driver = running().send({ kind: 'spec', spec: specForTests({ generation: 2, isWanted: false }) })
    driver.runTo(undefined).send({ kind: 'found', found: foundForTests('running') })
    expect(driver.task?.kind).toBe('halt')
  })
})
