import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { Detector } from '#protocol/instances/spec.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { bareSpec } from '../runtime/bare-spec.ts'
import type { CommandResult } from '../runtime/instance-runtime.ts'
import { ComponentDetectors, type DetectorTarget } from './component-detectors.ts'
import { checkHttp } from './network-checks.ts'
import { readingBack, scriptFinding } from './script-check.ts'

const detectors = new ComponentDetectors(systemClock)
// what is to be found has all the time of the test; only what is never found is given up soon
const soon = (): AbortSignal => AbortSignal.timeout(60_000)
const patient = { intervalMs: 5, timeoutMs: 60_000 }
const quick = { intervalMs: 5, timeoutMs: 300 }
const result = (changes: Partial<CommandResult>): CommandResult => ({
  code: 0,
  signal: null,
  isOutOfMemory: false,
  output: '',
  isTimedOut: false,
  ...changes,
})

const provides = [{ name: 'http', port: 80, protocol: 'tcp' as const, isPublic: false }]
const target = (changes: Partial<DetectorTarget['runtime']> = {}, hostPort = 1): DetectorTarget => ({
  spec: bareSpec({ id: 'shop-web-1', isolation: 'directory', provides }),
  place: { hostPorts: { http: hostPort } },
  runtime: {
    run: async () => result({ code: 1 }),
    readLog: async function* () {},
    ...changes,
  },
  environment: {},
})
const logOf = (...lines: readonly string[]): Partial<DetectorTarget['runtime']> => ({
  readLog: async function* () {
    yield* lines
  },
})

describe('what a script says', () => {
  const script = async (text: string): Promise<boolean> => {
    const [program = '', ...words] = readingBack(['/bin/sh', '-c', text, 'sh', 'word'], 'STARTED')
    const ran = await promisify(execFile)(program, words).then(
      ({ stdout }) => result({ output: stdout }),
      (error: { code: number; stdout: string }) => result({ code: error.code, output: error.stdout }),
    )
    return scriptFinding(ran, 'STARTED').isMet
  }

  it.each([
    ['true', true],
    ['false', false],
    ['STARTED=true', true],
    ['STARTED=false', false],
    ['STARTED=', false],
    ['STARTED=1; exit 0', true],
    ['STARTED=true; exit 1', false],
    ["printf 'no end'; STARTED=yes", true],
    ['STARTED=false; echo STARTED=true', false],
    ['test "$1" = word', true],
    ["echo 'it''s'; STARTED=true", true],
  ])('%s: %s', async (text, isMet) => expect(await script(text)).toBe(isMet))

  it('is no when it did not end', () => {
    expect(scriptFinding(result({ isTimedOut: true, output: 'STARTED=true\n' }), 'STARTED').isMet).toBe(false)
  })

  it('of a program that is no shell is what it prints', () => {
    expect(readingBack(['/usr/bin/check', '-c', 'x'], 'STARTED')).toEqual(['/usr/bin/check', '-c', 'x'])
    expect(scriptFinding(result({ output: 'x\nSTARTED=no\n' }), 'STARTED').isMet).toBe(false)
  })
})

describe('a component has started', () => {
  let server: Server | undefined
  afterEach(() => server?.close())
  /** Answers with these, one after the other; the last one for ever. */
  const serve = async (...statuses: number[]): Promise<number> => {
    server = createServer((_, answer) => {
      answer.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 500).end()
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  it('once its script has said so', async () => {
    const codes = [1, 1, 0]
    await detectors.started(
      { kind: 'script', command: ['x'], ...patient },
      target({ run: async () => result({ code: codes.shift() ?? 9 }) }),
      soon(),
    )
    expect(codes).toEqual([])
  })

  it('once its port takes connections', async () => {
    const port = await serve(200)
    await detectors.started({ kind: 'tcp', port: 'http', ...patient }, target({}, port), soon())
  })

  it('once it answers with a good status, and not with a bad one', async () => {
    const http: Detector = { kind: 'http', port: 'http', path: '/', status: [200, 399], ...patient }
    await detectors.started(http, target({}, await serve(503, 404, 204)), soon())
    server?.close()
    const at = { host: '127.0.0.1', port: await serve(503, 204), path: '/', status: [200, 399] } as const
    expect(await checkHttp(at, soon())).toMatchObject({
      isMet: false,
      reason: expect.stringContaining('answers 503') as string,
    })
    expect(await checkHttp(at, soon())).toMatchObject({ isMet: true })
  })

  it('once its log says so, since the last start', async () => {
    const log: Detector = { kind: 'log', pattern: 'ready', ...patient }
    await detectors.started(log, target(logOf('x', 'ready to serve')), soon())
    const stale = detectors.started(
      { ...log, ...quick },
      target(logOf('ready to serve', '[lanista] start', 'x')),
      soon(),
    )
    await expect(stale).rejects.toMatchObject({ code: 'DETECTION_FAILED' })
  })

  it.each<[string, Detector]>([
    ['a script that hangs', { kind: 'script', command: ['x'], ...quick }],
    ['a port nobody listens on', { kind: 'tcp', port: 'http', ...quick }],
    ['a port it does not have', { kind: 'tcp', port: 'other', ...quick }],
    ['a silent log', { kind: 'log', pattern: 'ready', ...quick }],
  ])('is not said of %s, within the time', async (_, detector) => {
    const hangs: DetectorTarget['runtime']['run'] = (_id, _command, _options, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const found = detectors.started(detector, target({ run: hangs }), soon())
    await expect(found).rejects.toMatchObject({ code: 'DETECTION_FAILED' })
  })

  it('is looked for no longer than its signal', async () => {
    const detector: Detector = { kind: 'tcp', port: 'http', intervalMs: 5, timeoutMs: 60_000 }
    const found = detectors.started(detector, target(), AbortSignal.timeout(50))
    await expect(found).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

describe('a component has stopped', () => {
  it('when its port has taken no connection three times', async () => {
    const reason = await detectors.stopped({ kind: 'tcp', port: 'http', ...quick }, target(), soon())
    expect(reason).toContain('127.0.0.1:1')
  })

  it('when its script says so, by code or variable', async () => {
    const answers = [result({ code: 1 }), result({ output: 'STOPPED=false\n' }), result({ output: 'STOPPED=true\n' })]
    const run = async (): Promise<CommandResult> => answers.shift() ?? result({ code: 9 })
    expect(await detectors.stopped({ kind: 'script', command: ['x'], ...quick }, target({ run }), soon())).toBe(
      'STOPPED=true',
    )
  })

  it('is looked for as long as its signal', async () => {
    const watch = detectors.stopped({ kind: 'log', pattern: 'x', ...quick }, target(), AbortSignal.timeout(50))
    await expect(watch).rejects.toThrow()
  })
})
