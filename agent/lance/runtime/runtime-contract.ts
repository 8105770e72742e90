/** What every form of the runtime promises; one suite, run on memory, on directories of this machine and on a real Docker engine. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { bareSpec } from './bare-spec.ts'
import type { FoundInstance, InstanceRuntime, RuntimeEvent } from './instance-runtime.ts'

/** One place where instances run, with the commands of the suite in its own language; closed after each test. */
export interface RuntimeHarness {
  /** A runtime object, as a newly started agent makes it. The suite closes it. */
  open(): Promise<InstanceRuntime>
  readonly isolation: InstanceSpec['isolation']
  readonly image?: string | undefined
  readonly say: ContractCommands
  /** Everything of ours that is left: processes, containers, folders. */
  leftovers(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface ContractCommands {
  exit(code: number): readonly string[]
  print(text: string): readonly string[]
  /** Prints the value of a variable. */
  printVariable(name: string): readonly string[]
  /** Prints a file of its working folder. */
  printFile(path: string): readonly string[]
  /** Keeps a text, for a later command. */
  writeFile(path: string, text: string): readonly string[]
  /** Prints a text, then runs until it is told to end. */
  serve(text: string): readonly string[]
  /** Prints `deaf`, then runs on whatever it is told. */
  ignoreSignals(): readonly string[]
  /** Leaves a process of its own in the background and ends. */
  fork(): readonly string[]
  /** Launched, writes the value of a variable into the instance's log. */
  log(name: string): readonly string[]
  /** Prints so many bytes. */
  flood(bytes: number): readonly string[]
}

const soon = (): AbortSignal => AbortSignal.timeout(60_000)
const environment = { GREETING: "it's $HOME" }
const briefly = { environment, timeoutMs: 20_000 }

/** Collects events; `exited(id)` waits for the one of an instance. */
export function hear(runtime: InstanceRuntime): {
  readonly heard: RuntimeEvent[]
  exited(id: string): Promise<RuntimeEvent>
} {
  const heard: RuntimeEvent[] = []
  const waiting = new Set<() => void>()
  runtime.onEvent((event) => {
    heard.push(event)
    for (const wake of waiting) wake()
  })
  const find = (id: string): RuntimeEvent | undefined =>
    heard.find((event) => event.kind === 'exited' && event.id === id)
  const exited = (id: string): Promise<RuntimeEvent> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const event = find(id)
        if (event) resolve(event)
      }
      waiting.add(look)
      soon().addEventListener('abort', () => reject(new Error(`heard ${JSON.stringify(heard)}`)))
      look()
    })
  return { heard, exited }
}

/** Whether the line comes, of those that do. */
async function hasLine(lines: AsyncIterable<string>, wanted: string): Promise<boolean> {
  for await (const line of lines) if (line === wanted) return true
  return false
}

/** Runs the suite under this name. */
export function runtimeContract(name: string, open: () => Promise<RuntimeHarness>): void {
  describe(`a runtime: ${name}`, () => {
    let harness: RuntimeHarness
    let runtime: InstanceRuntime
    const opened: InstanceRuntime[] = []
    const again = async (): Promise<InstanceRuntime> => {
      const next = await harness.open()
      opened.push(next)
      return next
    }
    const spec = (id: string, changes: Partial<InstanceSpec> = {}): InstanceSpec =>
      bareSpec({
        id,
        isolation: harness.isolation,
        image: harness.image,
        lifecycle: { install: { commands: [harness.say.exit(0)], timeoutMs: 1000 } },
        ...changes,
      })
    const find = async (id: string, by = runtime): Promise<FoundInstance | undefined> =>
      (await by.list(soon())).find((found) => found.id === id)

    beforeEach(async () => {
      harness = await open()
      runtime = await again()
    })
    afterEach(async () => {
      for (const { id } of await runtime.list(soon())) await runtime.destroy(id, soon())
      for (const one of opened.splice(0)) await one[Symbol.asyncDispose]()
      const left = await harness.leftovers()
      await harness.close()
      expect(left).toEqual([])
    })

    it('a prepared place has the files, the ports and the generation of its spec, and is made once', async () => {
      const wanted = spec('shop-web-1', {
        generation: 7,
        files: [{ path: 'etc/greeting', text: 'hello', isExecutable: false }],
        provides: [{ name: 'http', port: 18_391, protocol: 'tcp', isPublic: true }],
      })
      const found = await runtime.prepare(wanted, undefined, soon())
      expect(found).toMatchObject({ id: 'shop-web-1', generation: 7, state: 'prepared', hostPorts: { http: 18_391 } })
      const read = await runtime.run('shop-web-1', harness.say.printFile('etc/greeting'), briefly, soon())
      expect(read).toMatchObject({ code: 0, output: expect.stringContaining('hello') })
      await runtime.run('shop-web-1', harness.say.writeFile('made', 'by install'), briefly, soon())
      await runtime.prepare({ ...wanted, generation: 8 }, undefined, soon())
      expect(await find('shop-web-1')).toMatchObject({ generation: 8, state: 'prepared' })
      const kept = await runtime.run('shop-web-1', harness.say.printFile('made'), briefly, soon())
      expect(kept.output).toContain('by install')
    })

    it('of another spec a directory gets the files and keeps what was written, and a container is made anew', async () => {
      const { say, isolation } = harness
      const file = (path: string, text: string): Partial<InstanceSpec> => ({
        files: [{ path, text, isExecutable: false }],
      })
      const read = async (path: string): Promise<string | undefined> => {
        const { code, output } = await runtime.run('shop-web-1', say.printFile(path), briefly, soon())
        return code === 0 ? output.trim() : undefined
      }
      await runtime.prepare(spec('shop-web-1', file('first', 'from the spec')), undefined, soon())
      await runtime.run('shop-web-1', say.writeFile('made', 'by the component'), briefly, soon())
      await runtime.start('shop-web-1', say.serve('ready'), { environment }, soon())
      const prepared = await runtime.prepare(spec('shop-web-1', file('second', 'newer')), undefined, soon())
      expect(prepared.state).toBe('prepared')
      const kept = isolation === 'directory' ? 'by the component' : undefined
      expect([await read('first'), await read('second'), await read('made')]).toEqual([undefined, 'newer', kept])
      await runtime.destroy('shop-web-1', soon())
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      expect(await read('made')).toBeUndefined()
    })

    it('a command runs to its end with its environment, and its code and last words are told', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      expect(await runtime.run('shop-web-1', harness.say.exit(3), briefly, soon())).toMatchObject({
        code: 3,
        isTimedOut: false,
      })
      const said = await runtime.run('shop-web-1', harness.say.printVariable('GREETING'), briefly, soon())
      expect(said).toMatchObject({ code: 0, output: expect.stringContaining("it's $HOME") })
      expect((await runtime.run('shop-web-1', ['/no/such/program'], briefly, soon())).code).toBeGreaterThan(125)
    })

    it('a command that hangs, ignoring every signal, ends with its time', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const result = await runtime.run(
        'shop-web-1',
        harness.say.ignoreSignals(),
        { environment, timeoutMs: 300 },
        soon(),
      )
      expect(result.isTimedOut).toBe(true)
      expect((await find('shop-web-1'))?.state).toBe('prepared')
    })

    it('a command ends when its signal aborts', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const run = runtime.run('shop-web-1', harness.say.serve('x'), briefly, AbortSignal.timeout(300))
      await expect(run).rejects.toMatchObject({ name: 'TimeoutError' })
    })

    it('a command that leaves a process behind is over when it is over', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      expect(await runtime.run('shop-web-1', harness.say.fork(), briefly, soon())).toMatchObject({ code: 0 })
    })

    it('of a flood of output the end is kept', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const result = await runtime.run('shop-web-1', harness.say.flood(10_000_000), briefly, soon())
      expect(result.code).toBe(0)
      expect(result.output.length).toBeLessThan(100_000)
    })

    it('a main process starts once, is found by a new runtime, and stops when told', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const started = await runtime.start('shop-web-1', harness.say.serve('ready'), { environment }, soon())
      expect(started.state).toBe('running')
      const second = await again()
      const twice = await second.start('shop-web-1', harness.say.serve('ready'), { environment }, soon())
      expect(twice.detail).toEqual(started.detail)
      expect((await second.list(soon())).map(({ id, state }) => ({ id, state }))).toEqual([
        { id: 'shop-web-1', state: 'running' },
      ])
      const ends = hear(second)
      expect(await second.stop('shop-web-1', 10_000, soon())).toBeDefined()
      await ends.exited('shop-web-1')
      expect((await find('shop-web-1'))?.state).toBe('exited')
      expect(await second.stop('shop-web-1', 10_000, soon())).toBeDefined()
    })

    it('a main process that ends by itself is told of with its code, once', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const ends = hear(runtime)
      await runtime.start('shop-web-1', harness.say.exit(4), { environment }, soon())
      expect(await ends.exited('shop-web-1')).toMatchObject({ exit: { code: 4, isOutOfMemory: false } })
      expect(await find('shop-web-1')).toMatchObject({ state: 'exited', exit: { code: 4 } })
      expect(ends.heard).toHaveLength(1)
    })

    it('one that exits 0 without working has exited, with code 0', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const ends = hear(runtime)
      await runtime.start('shop-web-1', harness.say.exit(0), { environment }, soon())
      expect(await ends.exited('shop-web-1')).toMatchObject({ exit: { code: 0, signal: null } })
    })

    it('commands run before a start, beside what runs, and before the next start', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      for (const text of ['first', 'second']) {
        await runtime.run('shop-web-1', harness.say.writeFile('phase', text), briefly, soon())
        expect((await find('shop-web-1'))?.state).not.toBe('running')
        await runtime.start('shop-web-1', harness.say.serve('ready'), { environment }, soon())
        const beside = await runtime.run('shop-web-1', harness.say.printFile('phase'), briefly, soon())
        expect(beside.output).toContain(text)
        await runtime.stop('shop-web-1', 10_000, soon())
      }
    })

    it('one that ignores SIGTERM is killed when its grace is over', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      await runtime.start('shop-web-1', harness.say.ignoreSignals(), { environment }, soon())
      expect(await hasLine(runtime.readLog('shop-web-1', { lines: 10, isFollowed: true }, soon()), 'deaf')).toBe(true)
      expect(await runtime.stop('shop-web-1', 300, soon())).toMatchObject({ signal: 'SIGKILL' })
      expect((await find('shop-web-1'))?.state).toBe('exited')
    })

    it('the log has what the main process wrote, and is followed', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      await runtime.start('shop-web-1', harness.say.serve('ready to serve'), { environment }, soon())
      const stop = new AbortController()
      const followed = runtime.readLog('shop-web-1', { lines: 10, isFollowed: true }, stop.signal)
      expect(await hasLine(followed, 'ready to serve')).toBe(true)
      stop.abort()
      const kept = runtime.readLog('shop-web-1', { lines: 10, isFollowed: false }, soon())
      expect(await hasLine(kept, 'ready to serve')).toBe(true)
      const none = runtime.readLog('shop-web-9', { lines: 10, isFollowed: false }, soon())
      expect(await hasLine(none, 'ready to serve')).toBe(false)
    })

    it('a command is launched beside what runs, writes into its log, and ends with it', async () => {
      await runtime.prepare(spec('shop-web-1'), undefined, soon())
      const launch = (): Promise<void> =>
        runtime.launch('shop-web-1', harness.say.log('GREETING'), { environment }, soon())
      await expect(launch()).rejects.toMatchObject({ code: 'RUNTIME_REFUSED' })
      await runtime.start('shop-web-1', harness.say.serve('ready'), { environment }, soon())
      await launch()
      const followed = runtime.readLog('shop-web-1', { lines: 10, isFollowed: true }, soon())
      expect(await hasLine(followed, "it's $HOME")).toBe(true)
      expect(await runtime.stop('shop-web-1', 10_000, soon())).toBeDefined()
    })

    it('the member file is what was written last, also beside what runs', async () => {
      const members = { term: 1, masterIp: '', list: [] }
      await runtime.prepare(spec('shop-web-1', { members }), undefined, soon())
      const path = runtime.membersPath('shop-web-1')
      const read = async (): Promise<string> =>
        (await runtime.run('shop-web-1', harness.say.printFile(path), briefly, soon())).output.trim()
      await runtime.writeMembers('shop-web-1', '["first"]')
      expect(await read()).toBe('["first"]')
      await runtime.start('shop-web-1', harness.say.serve('ready'), { environment }, soon())
      await runtime.writeMembers('shop-web-1', '["second"]')
      expect(await read()).toBe('["second"]')
    })

    it('instances do not touch each other, and destroying one leaves the other running', async () => {
      for (const id of ['shop-web-1', 'shop-web-2']) {
        await runtime.prepare(spec(id), undefined, soon())
        await runtime.start(id, harness.say.serve(id), { environment }, soon())
      }
      await runtime.destroy('shop-web-1', soon())
      await runtime.destroy('shop-web-1', soon())
      expect((await runtime.list(soon())).map(({ id, state }) => ({ id, state }))).toEqual([
        { id: 'shop-web-2', state: 'running' },
      ])
    })

    it('a public port has one owner; the second is refused, and has it once the first is gone', async () => {
      const provides = [{ name: 'http', port: 18_392, protocol: 'tcp' as const, isPublic: true }]
      await runtime.prepare(spec('shop-web-1', { provides }), undefined, soon())
      const second = runtime.prepare(spec('shop-web-2', { provides }), undefined, soon())
      await expect(second).rejects.toMatchObject({ code: 'PORT_TAKEN' })
      await runtime.destroy('shop-web-1', soon())
      const third = await runtime.prepare(spec('shop-web-3', { provides }), undefined, soon())
      expect(third.hostPorts).toEqual({ http: 18_392 })
    })

    it.each(['/etc/x', '../x', 'a/../../x'])('a file at %s is refused', async (path) => {
      const files = [{ path, text: 'x', isExecutable: false }]
      const prepare = runtime.prepare(spec('shop-web-1', { files }), undefined, soon())
      await expect(prepare).rejects.toMatchObject({ code: 'PATH_REFUSED' })
    })

    it.each(['../x', 'a/b', ''])('an instance called %j is refused', async (id) => {
      await expect(runtime.prepare(spec(id), undefined, soon())).rejects.toMatchObject({ code: 'PATH_REFUSED' })
    })

    it('what runs in an instance that is not there is refused', async () => {
      await expect(runtime.run('shop-web-9', harness.say.exit(0), briefly, soon())).rejects.toMatchObject({
        code: 'INSTANCE_UNKNOWN',
      })
      expect(await runtime.stop('shop-web-9', 10, soon())).toBeUndefined()
    })
  })
}
