import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { readyFile } from './apply.ts'
import { CliStage, type Ran } from './cli-stage.ts'
import type { FakeTerminalOptions } from './fake-terminal.ts'

let cli: CliStage

beforeEach(async () => {
  cli = await CliStage.open()
})
afterEach(async () => {
  await cli[Symbol.asyncDispose]()
})

const run = (args: readonly string[], options?: FakeTerminalOptions): Promise<Ran> => cli.run(args, options)

function file(text: string): string {
  const path = join(cli.folder, 'app.yaml')
  writeFileSync(path, text)
  return path
}

const shop = 'examples/shop.yaml'

describe('lanista apply', () => {
  it('shows the plan and applies it; the second time there is nothing to do', async () => {
    const first = await run(['apply', shop])
    expect(first).toEqual({
      code: 0,
      text: [
        'shop:',
        '  + component  web',
        '  + component  db',
        '  + monitor    cpu-5m',
        '  + monitor    cpu-1m',
        '  + monitor    queue',
        '  + monitor    grow-web-1',
        '  + monitor    grow-web-2',
        '  + rule       grow-web',
        '  = wanted     web: 0 -> 1',
        '  = wanted     db: 0 -> 1',
        '8 to create, 0 to change, 0 to remove',
        'applied as generation 1',
        '',
      ].join('\n'),
      notes: [],
    })
    expect(await run(['apply', shop])).toEqual({ code: 0, text: 'shop: nothing to do\n', notes: [] })
    expect(await run(['plan', shop])).toMatchObject({ code: 0, text: 'shop: nothing to do\n' })
  })

  it('shows what differs, and what has to be started again', async () => {
    await run(['apply', shop])
    const { text } = readyFile(shop)
    const changed = text
      .replace('shop/web:1.4', 'shop/web:1.5')
      .replace('max: 6', 'max: 8')
      .replace('cooldown: 2m', 'cooldown: 5m')
    expect((await run(['plan', file(changed)])).text).toBe(
      [
        'shop:',
        '  ~ component  web  (restarts)',
        '      instances.max: 6 -> 8',
        '      image.tag: "1.4" -> "1.5"',
        '  ~ rule       grow-web',
        '      cooldown.upMs: 120000 -> 300000',
        '      cooldown.downMs: 120000 -> 300000',
        '0 to create, 2 to change (1 with a restart), 0 to remove',
        '',
      ].join('\n'),
    )
  })

  it('asks a person, and leaves all as it is unless told yes', async () => {
    expect(await run(['apply', shop], { answer: '' })).toMatchObject({
      code: 1,
      notes: ['Change this? [y/N] ', 'lanista: nothing was changed'],
    })
    expect((await run(['apps', '--json'])).text).toBe('[]\n')
    expect(await run(['apply', shop], { answer: 'Yes' })).toMatchObject({ code: 0 })
    expect(await run(['apply', shop], { answer: 'no' })).toMatchObject({ code: 0, notes: [] })
    expect(await run(['remove', 'shop', '--yes'], { answer: 'no' })).toMatchObject({ code: 0, notes: [] })
  })

  it('answers one JSON value, and changes nothing in a dry run', async () => {
    const dry = await run(['apply', shop, '--dry-run', '--json'])
    expect(JSON.parse(dry.text)).toMatchObject({ generation: 0, is_changed: false, plan: { application: 'shop' } })
    const made = await run(['apply', shop, '--json'])
    expect(JSON.parse(made.text)).toMatchObject({ generation: 1, is_changed: true })
  })

  it('tells every mistake of a file with its line, before anybody is asked, and is used wrongly', async () => {
    const path = file(
      'application: shop\ncomponents:\n  web:\n    imag: a\n    restart: nver\nrules:\n  r: { wen: {} }\n',
    )
    const { code, notes } = await run(['apply', path])
    expect(code).toBe(2)
    expect(notes[0]?.split('\n')).toEqual([
      'correct the application file:',
      `${path}:4:5 components.web.imag: expected image?, found an unknown key`,
      `${path}:5:5 components.web.restart: expected never?, found "nver"`,
      `${path}:7:3 rules.r.when: expected a map, found nothing`,
      `${path}:7:3 rules.r.then: expected a map or a list, found nothing`,
      `${path}:7:8 rules.r.wen: expected when?, found an unknown key`,
    ])
  })

  it.each<[string, string]>([
    ['a: [', 'app.yaml:1:5 expected YAML or JSON: '],
    [
      'application: a\ncomponents: { b: { files: nowhere, lifecycle: { start: x } } }',
      'app.yaml:2:20 components.b.files: expected a folder of text files: ENOENT',
    ],
    ['application: a\ncomponents: { b: { files: binary, lifecycle: { start: x } } }', 'is no text'],
    [
      'application: a\nmonitors: { m: { value: 1 } }\nsubscriptions: { s: { monitor: x, to: bus } }',
      'app.yaml:3:23 subscriptions.s.monitor: ',
    ],
  ])('refuses %j', async (text, message) => {
    mkdirSync(join(cli.folder, 'binary'))
    writeFileSync(join(cli.folder, 'binary', 'a'), Buffer.from([0xff, 0]))
    const { code, notes } = await run(['apply', file(text)])
    expect(code).toBe(2)
    expect(notes[0]).toContain(message)
  })

  it('refuses a file that is not there', async () => {
    expect(await run(['apply', join(cli.folder, 'none.yaml')])).toMatchObject({
      code: 2,
      notes: [expect.stringContaining('make the file readable')],
    })
  })
})

describe('lanista apps', () => {
  it('lists what is in force, shows its file, and goes back to the version before', async () => {
    await run(['apply', shop])
    await run(['apply', file(readyFile(shop).text.replace('max: 6', 'max: 9'))])
    expect((await run(['apps'])).text).toMatch(/^APPLICATION +GENERATION +APPLIED .*\nshop +2 .* web=1 db=1\n$/)
    const shown = await run(['apps', 'show', 'shop'])
    expect(shown.text).toContain('max: 9')
    expect(shown.text).toContain('nc -ll -p')
    expect(shown.text).toContain('# one result per instance')
    expect((await run(['apps', 'rollback', 'shop'])).text).toContain('instances.max: 9 -> 6')
    expect((await run(['apps', 'show', 'shop', '--generation', '2'])).text).toContain('max: 9')
    expect((await run(['apps', 'show', 'shop', '--json'])).text).toContain('"max":6')
    expect(await run(['apply', file(shown.text), '--dry-run'])).toMatchObject({ code: 0 })
  })

  it.each<[readonly string[]]>([[['apps', 'show', 'shpo']], [['apps', 'rollback', 'shpo']], [['remove', 'shpo']]])(
    'refuses %j of an application that is not there',
    async (args) => {
      const { code, notes } = await run(args)
      expect(code).toBe(2)
      expect(notes[0]).toContain('name another: found no shpo')
    },
  )
})

describe('lanista remove', () => {
  it('shows what goes, and leaves nothing', async () => {
    await run(['apply', shop])
    const { code, text } = await run(['remove', 'shop'])
    expect([code, text.split('\n').slice(1, 3)]).toEqual([0, ['  - component  web', '  - component  db']])
    expect(text).toContain('= wanted     web: 1 -> 0')
    expect((await run(['monitors'])).text.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('lanista monitors', () => {
  it('says of each where it is computed and what it said last', async () => {
    await run(['apply', shop])
    const web = await cli.stage.agent('main.home.web')
    web.birth(100)
    web.samples(1, Date.now(), { 'monitor.shop.cpu-1m;instance=a': 12.5, 'monitor.shop.cpu-1m;instance=b': 80 })
    while (web.acks.length === 0) await systemClock.sleep(5)
    const { text } = await run(['monitors', '--application', 'shop'])
    const rows = text.split('\n').map((line) => line.split(/ {2,}/))
    expect(rows[0]?.slice(1, 8)).toEqual(['MONITOR', 'SCOPE', 'OF', 'FUNCTION', 'WINDOW', 'EVERY', 'COVERAGE'])
    expect(rows[2]?.slice(1, 10)).toEqual([
      'cpu-1m',
      'host',
      'cpu.usage',
      'mean',
      '1m',
      '15s',
      expect.any(String),
      'on each host',
      '2: 12.5..80',
    ])
    expect(rows[3]?.slice(1, 3)).toEqual(['queue', 'cross-cloud'])
  })
})
