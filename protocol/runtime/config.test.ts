import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { isLanistaError } from '#protocol/errors.ts'
import { type ConfigSources, environmentName, loadConfig, printConfig, readConfigFile } from './config.ts'
import type { ConfigIssue } from './config-issues.ts'
import type { ConfigSchema } from './config-schema.ts'

interface Config {
  readonly host: string
  readonly broker: readonly string[]
  readonly intake: {
    readonly carbon?: { readonly host: string; readonly port: number } | undefined
    readonly seriesMax: number
  }
  readonly sync: 'never' | 'always'
  readonly labels: Readonly<Record<string, string>>
  readonly uplink: 'all' | readonly string[]
  readonly sensors: readonly { readonly sensor: string; readonly intervalMs?: number | undefined }[]
  readonly operatorPassword?: string | undefined
}

const schema: ConfigSchema<Config> = z.strictObject({
  host: z.string().check(z.minLength(1)),
  broker: z.array(z.string()),
  intake: z.strictObject({
    carbon: z.optional(z.strictObject({ host: z.string(), port: z.int().check(z.minimum(0), z.maximum(65_535)) })),
    seriesMax: z.number(),
  }),
  sync: z.enum(['never', 'always']),
  labels: z.record(z.string(), z.string()),
  uplink: z.union([z.literal('all'), z.array(z.string())]),
  sensors: z.array(z.strictObject({ sensor: z.string(), intervalMs: z.optional(z.int()) })),
  operatorPassword: z.optional(
    z.string().check(z.refine((text) => text.length > 3, 'expected more than 3 characters')),
  ),
})

const defaults: Config = {
  host: 'web-1',
  broker: [],
  intake: { carbon: { host: '127.0.0.1', port: 2003 }, seriesMax: 100 },
  sync: 'never',
  labels: {},
  uplink: 'all',
  sensors: [],
}

function load(sources: Omit<ConfigSources, 'defaults'>) {
  return loadConfig(schema, { defaults, ...sources })
}

function file(text: string): { name: string; text: string } {
  return { name: 'lanista.yaml', text }
}

function issues(sources: Omit<ConfigSources, 'defaults'>): ConfigIssue[] {
  try {
    load(sources)
  } catch (error) {
    if (isLanistaError(error, 'CONFIG_INVALID')) return error.data['issues'] as ConfigIssue[]
    throw error
  }
  throw new Error('accepted')
}

describe('loadConfig', () => {
  it('takes defaults, then the file, then the environment, then flags', () => {
    const text = 'intake: { carbon: { port: 1 }, seriesMax: 1 }\nsync: always\nlabels: { zone: a }'
    const { value, origins } = load({
      file: file(text),
      environment: { LANISTA_INTAKE_CARBON_PORT: '2', LANISTA_INTAKE_SERIES_MAX: '2' },
      flags: { 'intake.carbon.port': 3, host: undefined },
    })
    expect(value).toEqual({
      ...defaults,
      intake: { carbon: { host: '127.0.0.1', port: 3 }, seriesMax: 2 },
      sync: 'always',
      labels: { zone: 'a' },
    })
    expect(Object.fromEntries(origins)).toMatchObject({
      host: 'default',
      'intake.carbon.host': 'default',
      'intake.carbon.port': 'flag',
      'intake.seriesMax': 'LANISTA_INTAKE_SERIES_MAX',
      sync: 'lanista.yaml',
      'labels.zone': 'lanista.yaml',
    })
  })

  it('takes JSON and an empty file', () => {
    expect(load({ file: file('{"host":"a"}') }).value.host).toBe('a')
    expect(load({ file: file('# nothing\n') }).value).toEqual(defaults)
  })

  it('reads text of the environment and of flags as its setting wants it', () => {
    const { value } = load({
      environment: {
        LANISTA_HOST: '007',
        LANISTA_BROKER: 'nats://a:4222, nats://b:4222',
        LANISTA_LABELS: '{ zone: a }',
        LANISTA_SENSORS: '[{ sensor: cpu, intervalMs: 100 }]',
        LANISTA_UPLINK: '[cpu.*]',
        LANISTA_OTHER: 'x',
      },
      flags: { 'intake.carbon.port': '77', sync: 'always' },
    })
    expect(value).toEqual({
      host: '007',
      broker: ['nats://a:4222', 'nats://b:4222'],
      intake: { carbon: { host: '127.0.0.1', port: 77 }, seriesMax: 100 },
      sync: 'always',
      labels: { zone: 'a' },
      uplink: ['cpu.*'],
      sensors: [{ sensor: 'cpu', intervalMs: 100 }],
    })
  })

  it('switches a part with a default off by null', () => {
    expect(load({ file: file('intake: { carbon: null }') }).value.intake).toEqual({ seriesMax: 100 })
    expect(load({ environment: { LANISTA_LABELS: 'null' }, flags: { labels: {} } }).value.labels).toEqual({})
  })

  it('names every mistake with its path, what it expected and found, and where', () => {
    const text = `
host: 5
intake: { carbon: { prot: 1, port: 70000 } }
sync: sometimes
uplink: 3
sensors: [{ sensor: cpu, interval: 5 }]
operatorPassword: abc
colour: red
`
    expect(issues({ file: file(text), environment: { LANISTA_INTAKE_SERIES_MAX: 'many' } }).sort(byPath)).toEqual([
      {
        path: 'colour',
        expected: expect.stringMatching(/^one of host, broker/),
        found: 'an unknown key',
        origin: 'lanista.yaml',
      },
      { path: 'host', expected: 'text', found: '5', origin: 'lanista.yaml' },
      { path: 'intake.carbon.port', expected: 'at most 65535', found: '70000', origin: 'lanista.yaml' },
      { path: 'intake.carbon.prot', expected: 'port?', found: 'an unknown key', origin: 'lanista.yaml' },
      { path: 'intake.seriesMax', expected: 'a number', found: '"many"', origin: 'LANISTA_INTAKE_SERIES_MAX' },
      { path: 'operatorPassword', expected: 'more than 3 characters', found: '"abc"', origin: 'lanista.yaml' },
      { path: 'sensors.0.interval', expected: 'intervalMs?', found: 'an unknown key', origin: 'lanista.yaml' },
      { path: 'sync', expected: '"never" or "always"', found: '"sometimes"', origin: 'lanista.yaml' },
      { path: 'uplink', expected: '"all" or a list', found: '3', origin: 'lanista.yaml' },
    ])
  })

  it('says all of it in one message', () => {
    expect(() => load({ file: file('host: ""\nsync: x') })).toThrow(
      /^correct the configuration: host: expected at least 1 characters, found "" \(lanista.yaml\)\nsync: expected/,
    )
  })

  it.each([
    ['host: [', /YAML or JSON/],
    ['host: a\n---\nhost: b', /expected one document, found another/],
    ['host: a\nhost: b', /unique/],
    ['- a', /a map of settings/],
    ['just text', /a map of settings/],
    [
      `a: &a [${'x,'.repeat(20)}]\n${Array.from({ length: 9 }, (_, i) => `b${i}: &b${i} [${`*${i ? `b${i - 1}` : 'a'},`.repeat(20)}]`).join('\n')}`,
      /alias/,
    ],
    [`host: "${'x'.repeat(1_100_000)}"`, /at most 1048576 bytes/],
  ])('refuses a file that is no configuration (%#)', (text, message) => {
    expect(() => load({ file: file(text) })).toThrow(message)
    expect(issues({ file: file(text) })[0]?.origin).toBe('lanista.yaml')
  })

  it('refuses keys that would reach into prototypes, and touches none', () => {
    expect(issues({ file: file('{"__proto__": {"polluted": 1}}') })).toHaveLength(1)
    expect(issues({ flags: { 'constructor.prototype.polluted': 1 } })).toHaveLength(1)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('names environment variables after settings', () => {
    expect(environmentName(['store', 'commitIntervalMs'])).toBe('LANISTA_STORE_COMMIT_INTERVAL_MS')
  })

  it('names the file that cannot be read', () => {
    expect(() => readConfigFile('/nonexistent/lanista.yaml')).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNREADABLE' }),
    )
    expect(() => readConfigFile('/nonexistent/lanista.yaml')).toThrow('/nonexistent/lanista.yaml')
  })
})

function byPath(a: ConfigIssue, b: ConfigIssue): number {
  return a.path < b.path ? -1 : 1
}

describe('printConfig', () => {
  it('shows each value and where it came from, and no secret', () => {
    const config = load({ file: file('labels: { zone: a }\noperatorPassword: hunter2'), flags: { host: 'b' } })
    expect(printConfig(config)).toBe(
      [
        'broker = []                       # default',
        'host = "b"                        # flag',
        'intake.carbon.host = "127.0.0.1"  # default',
        'intake.carbon.port = 2003         # default',
        'intake.seriesMax = 100            # default',
        'labels.zone = "a"                 # lanista.yaml',
        'operatorPassword = "…"            # lanista.yaml',
        'sensors = []                      # default',
        'sync = "never"                    # default',
        'uplink = "all"                    # default',
        '',
      ].join('\n'),
    )
  })
})
