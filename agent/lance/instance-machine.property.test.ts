/** Whatever happens in whatever order: a small world in which tasks fail, answers are lost, processes end and the agent is killed. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { missingPeers } from '#protocol/instances/missing-peers.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { type Instance, type InstanceEvent, knownFromDisk, newInstance, type Task } from './instance.ts'
import { step } from './instance-machine.ts'
import { foundForTests, handler, nameOf, specForTests } from './machine-driver.ts'

type Happening =
  | 'done'
  | 'failed'
  | 'unavailable'
  | 'lost'
  | 'exited'
  | 'killed'
  | 'wait'
  | 'update'
  | 'code'
  | 'peers'
  | 'no peers'
  | 'unwanted'
  | 'restart'
  | 'docker'

const exit = { code: 1, signal: null, isOutOfMemory: false }

class World {
  instance: Instance
  nowMs = 1_700_000_000_000
  /** What is there, whatever the agent knows. */
  place: 'none' | 'prepared' | 'running' | 'exited' = 'none'
  open: { readonly id: number; readonly task: Task } | undefined
  starts: number[] = []
  hasRunSince = false
  #spec: InstanceSpec

  constructor(spec = specForTests()) {
    this.#spec = spec
    this.instance = newInstance(spec, this.nowMs)
    this.send({ kind: 'tick' })
  }

  change(change: Partial<InstanceSpec>): void {
    this.#spec = { ...this.#spec, ...change, generation: this.#spec.generation + 1 }
    this.send({ kind: 'spec', spec: this.#spec })
  }

  send(event: InstanceEvent): void {
    const wasRemoved = this.instance.row.stage === 'removed'
    const { instance, actions } = step(this.instance, event, this.nowMs)
    this.instance = instance
    expect(wasRemoved && actions.length > 0).toBe(false)
    for (const action of actions) {
      if (action.kind === 'cancel') expect(action.id).toBe(this.open?.id)
      else this.#begin(action.id, action.task)
    }
  }

  #begin(id: number, task: Task): void {
    expect(this.open, `${nameOf(task)} beside another`).toBeUndefined()
    this.open = { id, task }
    if (task.kind === 'handler' && task.name === 'preStart') {
      expect(missingPeers(this.instance.row.spec)).toBeUndefined()
    }
    if (task.kind === 'prepare' && task.isClean && this.#spec.isolation === 'directory') {
      expect(this.hasRunSince, 'emptied a folder in which the component has run').toBe(false)
    }
    if (task.kind === 'start') this.starts.push(this.nowMs)
  }

  /** The task under way ends; its effect may have happened in any case. */
  end(how: 'done' | 'failed' | 'unavailable', hasEffect = how === 'done'): void {
    const { open } = this
    if (!open) return
    if (hasEffect) this.#effect(open.task)
    const end = how === 'failed' ? ({ kind: how, reason: 'no' } as const) : ({ kind: how } as const)
    this.open = undefined
    this.send({ kind: 'ended', task: open.id, end: how === 'done' ? { kind: how, found: this.found } : end })
    if (how === 'unavailable') this.send({ kind: 'found', found: this.found })
  }

  #effect(task: Task): void {
    if (task.kind === 'prepare') this.place = 'prepared'
    if (task.kind === 'prepare' && task.isClean) this.hasRunSince = false
    if (task.kind === 'start') this.place = 'running'
    if (task.kind === 'start') this.hasRunSince = this.#spec.isolation === 'directory'
    if (task.kind === 'halt' && this.place === 'running') this.place = 'exited'
    if (task.kind === 'destroy') this.place = 'none'
  }

  get found(): ReturnType<typeof foundForTests> | undefined {
    if (this.place === 'none') return undefined
    return foundForTests(this.place, this.place === 'exited' ? { exit } : {})
  }

  happen(what: Happening): void {
    switch (what) {
      case 'done':
      case 'failed':
      case 'unavailable':
        return this.end(what)
      case 'lost':
        return this.end('failed', true)
      case 'exited':
        if (this.place !== 'running') return
        this.place = 'exited'
        return this.send({ kind: 'exited', exit })
      case 'killed':
        if (this.open && this.nowMs % 2 === 0) this.#effect(this.open.task)
        this.open = undefined
        this.instance = knownFromDisk(structuredClone(this.instance.row))
        return this.send({ kind: 'found', found: this.found })
      case 'wait':
        this.nowMs += 1501
        return this.send({ kind: 'tick' })
      case 'restart':
        return this.send({ kind: 'restart' })
      case 'update':
      case 'code':
      case 'peers':
      case 'no peers':
      case 'unwanted':
      case 'docker':
        return this.change(changes[what](this.#spec.generation))
    }
  }

  /** No more faults: everything ends well, time passes. */
  settle(): void {
    for (let i = 0; i < 60; i++) {
      this.end('done')
      if (this.open) continue
      this.send({ kind: 'found', found: this.found })
      this.nowMs += 5000
      this.send({ kind: 'tick' })
    }
  }
}

const changes = {
  update: (n: number) => ({ environment: { A: `${n}` } }),
  code: (n: number) => ({ code: { id: `${n}`, sha256: `${n}`, bytes: 1 } }),
  peers: (n: number) => ({
    requires: [{ name: 'sql', min: 1, onChange: handler, peers: [{ instance: `db-${n}`, cloud: '10.0.0.1:1' }] }],
  }),
  'no peers': () => ({ requires: [{ name: 'sql', min: 1, onChange: handler, peers: [] }] }),
  unwanted: (n: number) => ({ isWanted: n % 2 === 0 }),
  docker: (n: number) =>
    n % 2 === 0 ? { isolation: 'docker' as const, image: 'a' } : { isolation: 'directory' as const },
}

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.constant<Happening>('done') },
    {
      weight: 10,
      arbitrary: fc.constantFrom<Happening>(
        'failed',
        'unavailable',
        'lost',
        'exited',
        'killed',
        'wait',
        'update',
        'code',
        'peers',
        'no peers',
        'unwanted',
        'restart',
      ),
    },
  ),
  { maxLength: 80 },
)

it('one thing at a time, and in the end what is wanted runs, as it is wanted', () => {
  fc.assert(
    fc.property(happenings, (list) => {
      const world = new World()
      for (const what of list) world.happen(what)
      world.change({ isWanted: true, ...changes.peers(0), environment: { last: '1' } })
      world.settle()
      const { row } = world.instance
      expect([row.shown, world.place, row.active]).toEqual(['running', 'running', row.spec])
    }),
    { numRuns: 400 },
  )
})

it('is removed in the end, whatever happened and whatever comes after', () => {
  fc.assert(
    fc.property(happenings, happenings, (before, after) => {
      const world = new World()
      for (const what of before) world.happen(what)
      world.send({ kind: 'remove' })
      for (const what of after) world.happen(what)
      world.settle()
      expect([world.instance.row.shown, world.place]).toEqual(['removed', 'none'])
    }),
    { numRuns: 400 },
  )
})

it('moves between a folder and a container with nothing left over', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom<Happening>('done', 'docker', 'failed', 'exited', 'wait'), { maxLength: 60 }),
      (list) => {
        const world = new World()
        for (const what of list) world.happen(what)
        world.change({ isWanted: true, environment: { last: '1' } })
        world.settle()
        expect(world.instance.row.shown).toBe('running')
      },
    ),
    { numRuns: 200 },
  )
})

it('starts at most as often as its restart policy allows, killed agents counted', () => {
  const happens = fc.constantFrom<Happening>('done', 'done', 'done', 'exited', 'failed', 'wait', 'killed', 'peers')
  fc.assert(
    fc.property(fc.array(happens, { minLength: 50, maxLength: 200 }), (list) => {
      const world = new World()
      let kills = 0
      for (const what of list) {
        if (what === 'killed') kills++
        world.happen(what)
      }
      // a start that was broken off with its agent is no failure of the component
      expect(world.starts.length).toBeLessThanOrEqual(1 + 3 + kills)
    }),
    { numRuns: 200 },
  )
})
