import { chmodSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { customSensor } from './custom.ts'
import { checkCustomOutcome } from './custom-outcome.ts'
import { depsAllowing, linesOf, quietSignal } from './fixture-tree.ts'
import type { OpenSensor } from './sensor.ts'

let folder = ''
const open: OpenSensor[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanista-custom-'))
})
afterEach(async () => {
  for (const sensor of open.splice(0)) await sensor.close()
  rmSync(folder, { recursive: true })
})

const metrics = `[{ name: 'shop.queue', unit: 'count', kind: 'gauge', tags: ['shop'], meaning: 'orders waiting' }]`

function write(readBody: string): string {
  const file = join(folder, 'queue.mjs')
  writeFileSync(
    file,
    `export const sensor = { metrics: ${metrics}, open: (parameters, deps) => { let calls = 0; return { async read() { calls++; ${readBody} } } } }`,
  )
  return file
}

function start(file: string, sensorFolders: readonly string[] = [folder]): OpenSensor {
  const sensor = customSensor.open(
    customSensor.parse({ file, parameters: { base: 40 } }),
    depsAllowing({ sensorFolders }),
  )
  open.push(sensor)
  return sensor
}

describe('a custom sensor', () => {
  it('is loaded at run time, gets its parameters, keeps its state between reads', async () => {
    const sensor = start(write(`return [{ name: 'shop.queue', tags: { shop: 'a' }, value: parameters.base + calls }]`))
    expect(linesOf(await sensor.read(quietSignal()))).toEqual(['shop.queue;shop=a 41 count'])
    expect(linesOf(await sensor.read(quietSignal()))).toEqual(['shop.queue;shop=a 42 count'])
  })

  it('is loaded again when its file changes', async () => {
    const file = write(`return [{ name: 'shop.queue', value: 1 }]`)
    const sensor = start(file)
    await sensor.read(quietSignal())
    write(`return [{ name: 'shop.queue', value: 22 }]`)
    utimesSync(file, 1, 1)
    expect(linesOf(await sensor.read(quietSignal()))).toEqual(['shop.queue 22 count'])
  })

  it('cannot stop the agent with an endless loop, and starts afresh afterwards', async () => {
    const sensor = start(write(`if (calls === 2) for (;;); return [{ name: 'shop.queue', value: calls }]`))
    await sensor.read(quietSignal())
    await expect(sensor.read(AbortSignal.timeout(100))).rejects.toThrow('timeout')
    expect(linesOf(await sensor.read(quietSignal()))).toEqual(['shop.queue 1 count'])
  })

  it('may end its own thread without ending the agent', async () => {
    await expect(start(write('process.exit(0)')).read(quietSignal())).rejects.toThrow('an end of its own')
  })

  it('has a heap of its own, with a bound', async () => {
    const sensor = start(write('const all = []; for (;;) all.push(new Array(10000).fill(calls))'))
    await expect(sensor.read(quietSignal())).rejects.toThrow(/memory/)
  })

  it.each([
    ['throws', `throw new Error('no queue')`, 'no queue'],
    ['returns something else', 'return 5', 'CUSTOM_SENSOR_INVALID'],
    ['reports what it does not describe', `return [{ name: 'cpu.usage', value: 1 }]`, 'does not describe'],
  ])('fails when it %s', async (_, body, message) => {
    await expect(start(write(body)).read(quietSignal())).rejects.toSatisfy((error: Error & { code: string }) =>
      `${error.code} ${error.message}`.includes(message),
    )
  })

  it('may say that there is nothing to measure', async () => {
    expect(await start(write(`return { unavailable: 'closed' }`)).read(quietSignal())).toEqual({
      unavailable: 'closed',
    })
  })

  it('must be described', async () => {
    const file = join(folder, 'x.mjs')
    writeFileSync(file, 'export const sensor = { open() {} }')
    await expect(start(file).read(quietSignal())).rejects.toThrow('exports no sensor with metrics')
  })

  it.each<[string, (file: string) => { file?: string; folders?: string[] }]>([
    ['outside the allowed folders', () => ({ folders: ['/usr/lib'] })],
    ['with nothing allowed', () => ({ folders: [] })],
    ['that others can write', (file) => (chmodSync(file, 0o666), {})],
    ['in a folder that others can write', () => (chmodSync(folder, 0o777), {})],
    ['that is not there', () => ({ file: join(folder, 'none.mjs') })],
    [
      'that leads out of the folder',
      () => (symlinkSync('/etc/passwd', join(folder, 'l')), { file: join(folder, 'l') }),
    ],
  ])('is refused for a file %s', async (_, change) => {
    const file = write('return []')
    const { file: other = file, folders } = change(file)
    await expect(start(other, folders).read(quietSignal())).rejects.toMatchObject({ code: 'SENSOR_NOT_ALLOWED' })
  })
})

it.each([
  [[{ name: 'a', value: Number.NaN }]],
  [[{ name: 'a', value: '1' }]],
  [[{ name: 'a', value: 1, tags: { 'b;c': 'd' } }]],
  [[{ name: 'a', value: 1, tags: { b: '' } }]],
  [{}],
  [undefined],
])('refuses the outcome %j', (outcome) => {
  const described = [{ name: 'a', unit: 'count', kind: 'gauge' as const, tags: [], meaning: '' }]
  expect(() => checkCustomOutcome(outcome, described)).toThrow(
    expect.objectContaining({ code: 'CUSTOM_SENSOR_INVALID' }),
  )
})
