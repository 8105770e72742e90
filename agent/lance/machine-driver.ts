/** Drives the life cycle in tests: keeps what is to be done, ends it as told, and forgets what a killed agent forgets. */
import type { Handler, InstanceSpec } from '#protocol/instances/spec.ts'
import type { InstanceState } from '#protocol/instances/status.ts'
import { type Instance, type InstanceEvent, knownFromDisk, newInstance, type Task, type TaskEnd } from './instance.ts'
import { step } from './instance-machine.ts'
import type { FoundInstance } from './runtime/instance-runtime.ts'

/** A handler that does one thing. */
export const handler: Handler = { commands: [['do']], timeoutMs: 1000 }

/** A spec with every handler, one provided and one mandatory required port with a peer. */
export function specForTests(change: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    id: 'shop-web-1',
    application: 'shop',
    component: 'web',
    generation: 1,
    isolation: 'directory',
    lifecycle: {
      init: handler,
      preInstall: handler,
      install: handler,
      postInstall: handler,
      preStart: handler,
      start: handler,
      postStart: handler,
      preStop: handler,
      stop: handler,
      postStop: handler,
    },
    startDetector: { kind: 'tcp', port: 'http', intervalMs: 100, timeoutMs: 1000 },
    provides: [{ name: 'http', port: 80, protocol: 'tcp', isPublic: true }],
    requires: [{ name: 'sql', min: 1, onChange: handler, peers: [{ instance: 'shop-db-1', cloud: '10.0.0.1:5432' }] }],
    environment: {},
    files: [],
    volumes: [],
    resources: {},
    restart: { on: 'failure', backoffMinMs: 1000, backoffMaxMs: 8000, restartsMax: 3, windowMs: 600_000 },
    isWanted: true,
    ...change,
  }
}

/** What a runtime says of an instance. */
export function foundForTests(state: FoundInstance['state'], change: Partial<FoundInstance> = {}): FoundInstance {
  return { id: 'shop-web-1', generation: 1, state, hostPorts: { http: 80 }, processes: [], detail: {}, ...change }
}

export class MachineDriver {
  instance: Instance
  nowMs = 1_700_000_000_000
  wakeAtMs: number | undefined
  /** Names of what was begun, in order. */
  readonly begun: string[] = []
  readonly cancelled: number[] = []

  constructor(spec: InstanceSpec = specForTests()) {
    this.instance = newInstance(spec, this.nowMs)
    this.send({ kind: 'tick' })
  }

  get state(): InstanceState {
    return this.instance.row.shown
  }

  get task(): Task | undefined {
    return this.instance.task?.task
  }

  send(event: InstanceEvent): this {
    const { instance, actions, wakeAtMs } = step(this.instance, event, this.nowMs)
    this.instance = instance
    this.wakeAtMs = wakeAtMs
    for (const action of actions) {
      if (action.kind === 'run') this.begun.push(nameOf(action.task))
      else this.cancelled.push(action.id)
    }
    return this
  }

  /** Ends what is under way; well, unless told otherwise. */
  end(end: TaskEnd = { kind: 'done', found: foundForTests('prepared') }): this {
    return this.send({ kind: 'ended', task: this.instance.tasks, end })
  }

  /** Ends what is done, well, until this is being done; undefined = until there is nothing to do. */
  runTo(name: string | undefined): this {
    for (let i = 0; i < 40 && this.task && nameOf(this.task) !== name; i++) this.end()
    return this
  }

  wait(ms: number): this {
    this.nowMs += ms
    return this.send({ kind: 'tick' })
  }

  /** The agent is killed and starts again; then the runtime tells what is there. */
  restart(found: FoundInstance | undefined): this {
    this.instance = knownFromDisk(JSON.parse(JSON.stringify(this.instance.row)) as Instance['row'])
    this.begun.length = 0
    return this.send({ kind: 'tick' }).send({ kind: 'found', found })
  }
}

/** A task in one word. */
export function nameOf(task: Task): string {
  if (task.kind === 'handler') return task.name
  return task.kind === 'prepare' && task.isClean ? 'prepare clean' : task.kind
}
