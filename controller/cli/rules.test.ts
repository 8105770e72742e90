import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventsShape } from '#controller/api/event-routes.ts'
import { explanationShape, replayShape, rulesShape } from '#controller/api/rule-shapes.ts'
import { CliStage } from './cli-stage.ts'
import { fakeTerminal } from './fake-terminal.ts'
import { runProgram } from './program.ts'

const file = `application: shop
components:
  web: { instances: { min: 1, initial: 2, max: 4 }, lifecycle: { start: ./serve.sh } }
monitors:
  load: { of: load, function: last, window: 1m, every: 1m }
rules:
  grow: { when: { some: load, above: 80 }, then: { scale: web, by: 1 }, cooldown: 0s }
  shrink: { when: { every: load, below: 20 }, then: { scale: web, by: -1 }, cooldown: 0s, paused: true }
`
const startMs = Date.UTC(2025, 10, 3, 10)

interface Scene extends AsyncDisposable {
  readonly cli: CliStage
  readonly path: string
  /** Runs `lanista …`: exit code, stdout, what stderr says. */
  run(...args: readonly string[]): Promise<readonly [code: number, out: string, notes: string]>
}

async function open(): Promise<Scene> {
  const cli = await CliStage.open()
  const path = join(cli.folder, 'shop.yaml')
  await writeFile(path, file)
  return {
    cli,
    path,
    run: async (...args) => {
      const { code, text, notes } = await cli.run(args)
      return [code, text, notes.join('\n')]
    },
    [Symbol.asyncDispose]: () => cli[Symbol.asyncDispose](),
  }
}

test('rules of an applied file are listed, tried out, paused and resumed, and that is told', async () => {
  await using scene = await open()
  expect((await scene.run('rules'))[1]).toMatch(/^RULE +STATE/)
  expect((await scene.run('apply', scene.path, '--yes'))[0]).toBe(0)
  const [, listed] = await scene.run('rules', '--json')
  expect(rulesShape.parse(JSON.parse(listed))).toMatchObject([
    { application: 'shop', rule: 'grow', state: 'active', decision: null },
    { application: 'shop', rule: 'shrink', state: 'paused', is_by_hand: false },
  ])
  const [, tried] = await scene.run('rules', 'dry-run', 'grow', '--json')
  expect(explanationShape.parse(JSON.parse(tried))).toMatchObject({
    decision: 'unknown',
    condition: null,
    component: 'web',
    from: 2,
    to: 2,
    tree: { value: null, note: expect.stringContaining('no result for') as unknown },
  })
  expect((await scene.run('rules', 'dry-run', 'shop.shrink'))[1]).toContain('scale web: 2 wanted')
  expect(await scene.run('rules', 'pause', 'grow')).toEqual([0, 'shop.grow paused\n', ''])
  expect((await scene.run('rules'))[1]).toContain('paused by hand')
  expect(await scene.run('rules', 'resume', 'grow')).toEqual([0, 'shop.grow active\n', ''])
  const [, events] = await scene.run('events', '--kind', 'rule.*', '--json')
  expect(eventsShape.parse(JSON.parse(events))).toMatchObject([
    { kind: 'rule.paused', host: '_controller', application: 'shop', fields: { rule: 'grow' } },
    { kind: 'rule.resumed' },
  ])
  expect((await scene.run('events'))[1]).toContain('controller shop rule.paused rule=grow')
})

test('what a rule would have done is printed before it is applied, and of applied ones', async () => {
  await using scene = await open()
  const agent = await scene.cli.stage.agent('main.home.web')
  agent.birth(1)
  const values = [50, 90, 90, 50, 10, 10]
  for (const [i, load] of values.entries()) agent.samples(i + 1, startMs + i * 60_000, { load })
  const range = ['--from', '2025-11-03T10:01:00Z', '--until', '2025-11-03T10:06:00Z']
  await expect.poll(async () => (await scene.run('query', 'load', '--last', '--json'))[1]).toContain('"load"')
  const [code, out, notes] = await scene.run('rules', 'replay', '--file', scene.path, ...range)
  expect([code, notes]).toEqual([0, expect.stringContaining('main.home.web')])
  const rows = out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4).join(' '))
  expect(rows.map((row) => row.trim())).toEqual([
    'TIME RULE CONDITION DECISION',
    '2025-11-03T10:01:00Z grow false condition',
    '2025-11-03T10:01:00Z shrink false condition',
    '2025-11-03T10:02:00Z grow true up',
    '2025-11-03T10:03:00Z grow true up',
    '2025-11-03T10:04:00Z grow false condition',
    '2025-11-03T10:05:00Z shrink true down',
    '2025-11-03T10:06:00Z shrink true down',
    '6 windows; wanted before: web=2; after: web=2',
    '',
  ])
  await scene.run('apply', scene.path, '--yes')
  const asked = ['rules', 'replay', 'shrink', ...range, '--wanted', 'web=4', '--every', '--json']
  const answer = replayShape.parse(JSON.parse((await scene.run(...asked))[1]))
  expect(answer).toMatchObject({ application: 'shop', windows: 6, wanted_before: { web: 4 }, wanted_after: { web: 2 } })
  expect((answer as { decisions: { to: number }[] }).decisions.map(({ to }) => to)).toEqual([4, 4, 4, 4, 3, 2])
})

test.each([
  [['rules', 'explain', 'nobody'], 'name another rule: found "nobody", expected one of shop.grow, shop.shrink'],
  [['rules', 'explain', 'grow'], 'found grow not judged yet'],
  [['rules', 'replay', '--from', '-1h'], 'name a rule, or a file with --file'],
  [['rules', 'replay', 'grow', '--from', 'noon'], 'write the time otherwise'],
  [['rules', 'replay', 'grow', '--from', '-400d'], 'replay a shorter stretch'],
  [['rules', 'replay', 'grow', '--from', '-1h', '--wanted', 'web'], 'expected COMPONENT=COUNT'],
  [['rules', 'replay', 'grow', '--from', '-1h', '--wanted', 'wbe=2'], 'found a component wbe, expected web'],
  [['rules', 'replay', 'grow'], "required option '--from <time>' not specified"],
  [['rules', 'replay', '--from', '-1h', '--file', '/nowhere.yaml'], 'make the file readable'],
  [['events', '--limit', 'many'], 'change the parameter limit'],
])('%s is refused with what was expected', async (args, message) => {
  await using scene = await open()
  await scene.run('apply', scene.path, '--yes')
  const [code, out, notes] = await scene.run(...args)
  expect([code, out]).toEqual([2, ''])
  expect(notes).toContain(message)
})

test('events are followed from now on until Ctrl-C', async () => {
  await using scene = await open()
  await scene.run('apply', scene.path, '--yes')
  await scene.run('rules', 'pause', 'grow')
  const terminal = fakeTerminal({ env: scene.cli.env })
  const running = runProgram(['events', '--follow', '--kind', 'rule.resumed', '--json'], terminal)
  const resumed = async (): Promise<string> => {
    await scene.run('rules', 'resume', 'grow')
    return terminal.written()
  }
  await expect.poll(resumed, { timeout: 10_000 }).toContain('"kind":"rule.resumed"')
  expect(terminal.written()).not.toContain('rule.paused')
  terminal.interrupt()
  expect(await running).toBe(0)
})
