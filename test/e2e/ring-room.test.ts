/** One agent's shared area is too small for what it is to hold: its owners hear of it before anything goes, and lose nothing. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RingStage, type StageAgent } from './ring-stage.ts'
import { sendLines, until, Workspace } from './workspace.ts'

/** Values that hardly compress: some 8 bytes a sample, so that two owners have more than an area of 1 MiB takes. */
const samples = 90_000
const areaBytes = 1_048_576

const valueOf = (owner: number, i: number): number => Math.sin(owner * samples + i)

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

async function feed({ carbon }: StageAgent, owner: number, firstMs: number): Promise<void> {
  for (let from = 0; from < samples; from += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, i) => `numbered ${valueOf(owner, from + i)} ${firstMs + from + i}`)
    await sendLines(carbon, ...lines)
  }
}

test.each(['nats', 'embedded'] as const)(
  'on the broker %s, a full replica takes back what it evicts, others keep all',
  async (broker) => {
    const small = 'home-3'
    const stage = await RingStage.open(workspace, {
      broker,
      more: { [small]: { store: { bytesMax: 1.5 * areaBytes } } },
    })
    const home = stage.agents.filter(({ cloud }) => cloud === 'home')
    const others = home.filter(({ host }) => host !== small)
    const watch = await stage.events('ring')
    const firstMs = Date.now() - 10 * 60_000
    await Promise.all(others.map((agent, i) => feed(agent, i, firstMs)))
    for (const { host } of others) {
      await until(async () => ((await stage.points(host)) ?? 0) >= samples, `samples of ${host}`, 60_000)
    }

    const rows = (): ReturnType<RingStage['ring']> => stage.ring('home')
    const wholeCopies = async (): Promise<number[]> =>
      (await rows())
        .filter(({ host }) => host !== small)
        .map(({ held_by }) => held_by.filter((holder) => holder.samples >= samples && holder.host !== small).length)
    const owners = async (): Promise<string[]> =>
      (await rows()).filter(({ held_by }) => held_by.some(({ host }) => host === small)).map(({ host }) => host)
    await until(async () => (await owners()).length >= 2, 'two owners with copies there', 60_000, stage.controller)
    await until(async () => (await wholeCopies()).every((copies) => copies >= 1), 'a whole copy elsewhere', 60_000)
    const heldThere = async (): Promise<{ samples: number; bytes: number }[]> => [
      ...((await rows()).find(({ host }) => host === small)?.held ?? []),
    ]
    await until(
      async () => {
        const held = await heldThere()
        const bytes = held.reduce((sum, owner) => sum + owner.bytes, 0)
        expect(bytes).toBeLessThanOrEqual(areaBytes)
        return bytes > areaBytes / 2 && held.some((owner) => owner.samples < samples)
      },
      'an area that is nearly full, and an owner cut short',
      60_000,
      stage.controller,
    )

    const hasAlarm = (): boolean =>
      watch.heard.some(({ host, alarm, isOn }) => host === small && alarm === 'no_room' && isOn === true)
    await until(hasAlarm, 'the alarm of the one that is full', 30_000)
    expect(watch.heard.filter(({ host }) => host !== small)).toEqual([])
    await watch.close()

    // the full one counts for nothing: one more dies with it, and everything is read from those who are left
    const [killed] = others.filter(({ host }) => host === 'home-0') as [StageAgent]
    await stage.kill(stage.agent(small), killed)
    const read = async (): Promise<readonly number[]> => (await stage.numbersOf(killed.host))?.numbers ?? []
    await until(async () => (await read()).length === samples, 'every sample of the one that was killed', 60_000)
    const expected = Array.from({ length: samples }, (_, i) => valueOf(others.indexOf(killed), i))
    expect(await read()).toEqual(expected)
  },
)
