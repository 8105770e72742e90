/** The same identity twice: a machine is copied while it runs, disk and all, and the copy is started beside it. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NumberedLines } from './numbered-lines.ts'
import { RingStage, type StageAgent, startAgent } from './ring-stage.ts'
import { type Running, until, Workspace } from './workspace.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

/** Copies the disk of an agent that is down for a moment, and starts the copy beside it: a snapshot of the machine, booted. */
async function startClone(stage: RingStage, original: StageAgent): Promise<() => Promise<Running>> {
  await stage.kill(original)
  const folder = join(workspace.folder, 'clone')
  cpSync(original.folder, folder, { recursive: true })
  const path = join(folder, 'agent.json')
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), data: folder }))
  await stage.restart(original)
  return async () => (await startAgent(workspace, folder)).running
}

/** The clone is gone and the original started anew: everything it ever took is with it, copied, and readable without it. */
async function comesRight(stage: RingStage, original: StageAgent, sent: number): Promise<void> {
  const home = stage.agents.filter(({ cloud }) => cloud === 'home')
  await stage.stop(original)
  await stage.restart(original)
  const own = async (): Promise<boolean> => (await stage.numbersOf(original.host))?.servedBy === original.host
  await until(own, 'its own answer', 60_000, stage.controller)
  expect((await stage.numbersOf(original.host))?.numbers).toEqual(upTo(sent))
  await stage.copied(home)
  const [row] = (await stage.ring('home')).filter(({ host }) => host === original.host)
  expect(row).toMatchObject({ is_quarantined: false, degree: 3 })
  await stage.kill(original)
  const other = async (): Promise<boolean> => ((await stage.numbersOf(original.host))?.numbers.length ?? 0) >= sent
  await until(other, 'the copies', 60_000, stage.controller)
  expect((await stage.numbersOf(original.host))?.numbers).toEqual(upTo(sent))
}

test('on nats the original is quarantined and says so, takes samples on, and is whole once the clone is gone', async () => {
  const stage = await RingStage.open(workspace, { broker: 'nats' })
  const original = stage.agent('home-0')
  const boot = await startClone(stage, original)
  const lines = new NumberedLines(workspace, original.carbon, Date.now() - 10 * 60_000)
  const watch = await stage.events('ring')
  await stage.copied([original])

  const clone = await boot()
  await until(() => watch.heard.some(({ alarm, isOn }) => alarm === 'clone' && isOn === true), 'the alarm', 30_000)
  await watch.close()
  const isQuarantined = async (): Promise<boolean> =>
    (await stage.ring('home')).some(({ host, is_quarantined }) => host === original.host && is_quarantined === true)
  await until(isQuarantined, 'the quarantine in lanista ring', 30_000, stage.controller)
  expect(original.running.stderr()).toContain('"msg":"ring_clone"')
  const before = lines.sent
  await until(() => lines.sent > before + 300, 'more lines', 20_000)
  await lines.stop()
  clone.child.kill('SIGKILL')
  await clone.ended
  await comesRight(stage, original, lines.sent)
})

test('on the embedded broker the later login wins: the original is locked out, says so, takes samples on, and is whole once started anew', async () => {
  const stage = await RingStage.open(workspace, { broker: 'embedded' })
  const original = stage.agent('home-0')
  const boot = await startClone(stage, original)
  const lines = new NumberedLines(workspace, original.carbon, Date.now() - 10 * 60_000)
  await stage.copied([original])

  const clone = await boot()
  const said =
    (running: Running, text: string): (() => boolean) =>
    () =>
      running.stderr().includes(text)
  await until(said(stage.controller, 'a login not newer than the last'), 'the refusal', 30_000, stage.controller)
  await until(said(original.running, 'Not authorized'), 'its lament', 30_000, original.running)
  const before = lines.sent
  await until(() => lines.sent > before + 300, 'more lines', 20_000)
  await lines.stop()
  clone.child.kill('SIGKILL')
  await clone.ended
  expect(original.running.child.exitCode).toBeNull()
  await comesRight(stage, original, lines.sent)
})
