import { describe, expect, it } from 'vitest'
import { loadConfig } from '#protocol/runtime/config.ts'
import { agentConfigSchema, defaultAgentConfig } from './config.ts'

const config = (change: Record<string, unknown>): unknown => ({ ...defaultAgentConfig(), ...change })
const store = (change: Record<string, unknown>): unknown =>
  config({ store: { commitIntervalMs: 200, sync: 'always', ...change } })

describe('the agent configuration', () => {
  it('takes every setting of the store, and budgets of series', () => {
    const full = {
      commitIntervalMs: 0,
      sync: 'never',
      bytesMax: 2 ** 30,
      localShare: 0.34,
      retentionDays: 30,
      tiers: [
        { stepMs: 60_000, retentionDays: 90 },
        { stepMs: 3_600_000, retentionDays: 900 },
      ],
      sealAgeMs: 600_000,
      openSamplesMax: 100_000,
      headSamplesMax: 50_000,
      freeBytesMin: 0,
    }
    const seriesBudget = {
      prefixTokens: 3,
      prefixSeriesMax: 500,
      prefixes: [{ match: 'shop.*', seriesMax: 10 }],
      clientSeriesMax: 1000,
    }
    const parsed = agentConfigSchema.parse(config({ store: full, seriesBudget }))
    expect(parsed.store).toEqual(full)
    expect(parsed.seriesBudget).toEqual(seriesBudget)
  })

  it.each([
    [store({ tiers: [{ stepMs: 7000, retentionDays: 1 }] }), 'store.tiers.0.stepMs'],
    [store({ tiers: [{ stepMs: 1000, retentionDays: 1 }] }), 'store.tiers.0.stepMs'],
    [store({ retentionDays: 0 }), 'store.retentionDays'],
    [store({ localShare: 1.5 }), 'store.localShare'],
    [store({ sealAgeMs: 5 }), 'store.sealAgeMs'],
    [store({ freeBytesMin: -1 }), 'store.freeBytesMin'],
    [store({ sync: 'sometimes' }), 'store.sync'],
    [store({ folder: '/elsewhere' }), 'store'],
    [config({ seriesBudget: { prefixes: [{ match: 'shop..web', seriesMax: 1 }] } }), 'seriesBudget.prefixes.0.match'],
    [config({ ring: { ...defaultAgentConfig().ring, copies: 0 } }), 'ring.copies'],
    [config({ ring: { ...defaultAgentConfig().ring, copies: 9 } }), 'ring.copies'],
    [config({ ring: { ...defaultAgentConfig().ring, graceMs: 10 } }), 'ring.graceMs'],
    [config({ seriesBudget: { clientSeriesMax: 0 } }), 'seriesBudget.clientSeriesMax'],
  ])('refuses %j', (wrong, path) => {
    const outcome = agentConfigSchema.safeParse(wrong)
    expect(outcome.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path])
  })

  it('wants the finest tier first', () => {
    const tiers = [3_600_000, 600_000].map((stepMs) => ({ stepMs, retentionDays: 10 }))
    const [issue] = agentConfigSchema.safeParse(store({ tiers })).error?.issues ?? []
    expect(issue).toMatchObject({
      path: ['store', 'tiers'],
      message: expect.stringContaining('finest first') as string,
    })
  })

  it('tells every mistake at once, those of shape and those of meaning, each with its path', () => {
    const text = JSON.stringify({
      tenant: 'a b',
      brokr: [],
      sensors: [
        { sensor: 'cpuu' },
        { sensor: 'load', intervalMs: 5 },
        { sensor: 'filesystem', parameters: { pth: 1 } },
      ],
      publish: ['shop.*', 'm;=v'],
      store: { sync: 'sometimes' },
    })
    const load = (): unknown =>
      loadConfig(agentConfigSchema, { defaults: defaultAgentConfig(), file: { name: 'agent.yaml', text } })
    expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    for (const part of [
      /tenant: /,
      /brokr: expected broker\?/,
      /sensors\.1\.intervalMs: /,
      /publish\.1: /,
      /store\.sync: /,
    ]) {
      expect(load).toThrow(part)
    }
  })

  it('tells of every sensor that cannot be read as it stands', () => {
    const sensors = [{ sensor: 'cpuu' }, { sensor: 'load' }, { sensor: 'filesystem', parameters: { pth: 1 } }]
    const issues = agentConfigSchema.safeParse(config({ sensors })).error?.issues ?? []
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['sensors.0', 'sensors.2'])
  })
})
