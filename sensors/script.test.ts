import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { depsAllowing, linesOf, quietSignal } from './fixture-tree.ts'
import { scriptSensor } from './script.ts'
import { parseScriptOutput } from './script-output.ts'
import type { Outcome } from './sensor.ts'

const folder = mkdtempSync(join(tmpdir(), 'lanista-script-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(body: string, signal: AbortSignal = quietSignal(), args: readonly string[] = []): Promise<Outcome> {
  const path = join(folder, `script-${Math.random().toString(36).slice(2)}`)
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return readProgram(path, [path], signal, args)
}

function readProgram(
  path: string,
  scripts: readonly string[],
  signal: AbortSignal = quietSignal(),
  args: readonly string[] = [],
): Promise<Outcome> {
  return scriptSensor
    .open(scriptSensor.parse({ path, args, metric: 'shop.value' }), depsAllowing({ scripts }))
    .read(signal)
}

describe('script output', () => {
  it.each([
    ['42\n', ['m 42 -']],
    ['  -1.5e3 ', ['m -1500 -']],
    ['a 1\nb.c;x=y 2.5\n\n', ['a 1 -', 'b.c;x=y 2.5 -']],
    ['one 1', ['one 1 -']],
  ])('%j is taken', (text, lines) => {
    expect(linesOf(parseScriptOutput(text, 'm'))).toEqual(lines)
  })

  it.each([
    ['', 1],
    ['hello', 1],
    ['a 1\nb two', 2],
    ['a 1 1700000000', 1],
    ['a NaN', 1],
    ['a 1e999', 1],
    ['0x10', 1],
    ['a;b 1', 1],
    ['1\n2', 1],
  ])('%j is refused whole, naming line %i', (text, line) => {
    expect(() => parseScriptOutput(text, 'm')).toThrow(
      expect.objectContaining({ code: 'SCRIPT_OUTPUT', data: { line } }),
    )
  })
})

describe('the script sensor', () => {
  it('runs an allowed program without a shell, in a clean environment', async () => {
    const outcome = await read(
      'echo "args $#"; echo "first;v=$1 1"; env | grep -vcE "^(PATH|LANG|PWD|SHLVL|_)=" | sed "s/^/more /"',
      undefined,
      ['$HOME'],
    )
    expect(linesOf(outcome)).toEqual(['args 1 -', 'first;v=$HOME 1 -', 'more 0 -'])
  })

  it('refuses a program that the owner did not allow', async () => {
    await expect(readProgram('/bin/true', [])).rejects.toMatchObject({ code: 'SENSOR_NOT_ALLOWED' })
  })

  it('is not available when the program says so', async () => {
    expect(await read('echo nothing here >&2; exit 3')).toEqual({ unavailable: 'exit 3: nothing here' })
  })

  it('fails when the program cannot be started', async () => {
    await expect(readProgram('/no/such', ['/no/such'])).rejects.toMatchObject({ code: 'SCRIPT_FAILED' })
  })

  it('kills what prints too much', async () => {
    await expect(read('while :; do echo aaaaaaaaaaaaaaaaaaaaaaaa; done')).rejects.toMatchObject({
      code: 'SCRIPT_OUTPUT',
    })
  })

  it('kills the whole process group when the time is over', async () => {
    const pidFile = join(folder, 'pid')
    const stop = new AbortController()
    const outcome = read(`sleep 1000 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; sleep 1000`, stop.signal)
    const ended = expect(outcome).rejects.toThrow('too late')
    await expect.poll(() => existsSync(pidFile)).toBe(true)
    stop.abort(new Error('too late'))
    await ended
    const pid = Number(readFileSync(pidFile, 'utf8'))
    await expect.poll(() => isRunning(pid)).toBe(false)
  })

  it('leaves no child behind that a finished program left running', async () => {
    const outcome = await read('sleep 1000 & echo "pid $!"')
    const pid = 'unavailable' in outcome ? 0 : (outcome[0]?.value ?? 0)
    await expect.poll(() => isRunning(pid)).toBe(false)
  })
})

/** False for a zombie that nobody has reaped yet, too. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
