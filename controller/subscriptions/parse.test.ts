import { expect, test } from 'vitest'
import { formOf } from './form.ts'
import { parseSubscription, parseSubscriptions, requireSubscription } from './parse.ts'

const hook = { webhook: 'https://planner.example/hook', secret: 'a-signing-key' }

test('a subscription says what, when and where to', () => {
  const form = {
    monitor: 'cpu-5m',
    scope: 'cross-cloud',
    above: 60,
    onChange: true,
    to: hook,
    externalReferences: { model: '42' },
  }
  expect(parseSubscriptions({ planner: form }, { application: 'shop', monitors: ['cpu-5m'] })).toEqual({
    issues: [],
    subscriptions: [
      {
        name: 'planner',
        application: 'shop',
        match: ['monitor.shop.cpu-5m'],
        scope: 'cross-cloud',
        filter: { compare: { with: 'above', limit: 60 }, onChange: true },
        sink: { kind: 'webhook', url: 'https://planner.example/hook' },
        secret: 'a-signing-key',
        externalReferences: { model: '42' },
      },
    ],
  })
  expect(parseSubscriptions(undefined)).toEqual({ issues: [], subscriptions: [] })
})

test.each<[string, unknown, unknown, string?]>([
  ['the bus, under its own name', 'bus', { kind: 'bus', subject: 'mine' }],
  ['the bus', { bus: 'other' }, { kind: 'bus', subject: 'other' }],
  ['carbon', { carbon: 'graphite:2003' }, { kind: 'carbon', host: 'graphite', port: 2003, tags: false }],
  ['carbon over IPv6', { carbon: '[::1]:2003', tags: true }, { kind: 'carbon', host: '::1', port: 2003, tags: true }],
  [
    'Influx 1',
    { influx: 'http://influx:8086', database: 'm', user: 'u', token: 't' },
    { kind: 'influx', url: 'http://influx:8086', place: { database: 'm' }, user: 'u' },
    't',
  ],
  [
    'Influx 2',
    { influx: 'http://influx:8086', org: 'o', bucket: 'b', token: 't' },
    { kind: 'influx', url: 'http://influx:8086', place: { org: 'o', bucket: 'b' } },
    't',
  ],
  [
    'remote write',
    { remoteWrite: 'https://vm/api/v1/write', token: 't' },
    { kind: 'remoteWrite', url: 'https://vm/api/v1/write' },
    't',
  ],
])('%s is a sink, and its form comes back without the secret', (_what, to, sink, secret) => {
  const { subscription, issues } = parseSubscription('mine', { match: 'cpu.*', to })
  expect(issues).toEqual([])
  expect(subscription).toMatchObject({ sink })
  expect(subscription?.secret).toBe(secret)
  const form = subscription && formOf(subscription)
  expect(JSON.stringify(form)).not.toContain('token')
  expect(parseSubscription('mine', form).subscription).toEqual({ ...subscription, secret: undefined })
})

const base = { match: 'cpu.*', to: 'bus' }

test.each<[string, unknown, string]>([
  ['nothing at all', null, 'mine: expected a map, found null'],
  ['no selector', { to: 'bus' }, 'mine.match: expected a selector, found nothing'],
  [
    'a selector that is none',
    { ...base, match: 'a;b' },
    'mine.match: select otherwise: found "a;b", expected tag=value, tag!=value, tag=~regex or tag!=~regex where "b" stands',
  ],
  [
    'a monitor of nobody',
    { monitor: 'cpu', to: 'bus' },
    'mine.monitor: expected match: monitor.APPLICATION.MONITOR, found "cpu"',
  ],
  ['both', { ...base, monitor: 'cpu' }, 'mine.monitor: expected match or monitor, one of them, found "cpu"'],
  ['two comparisons', { ...base, above: 1, below: 2 }, 'mine.below: expected one comparison beside above, found 2'],
  ['a limit that is text', { ...base, above: '1' }, 'mine.above: expected a number, found "1"'],
  ['a misspelt key', { ...base, onchange: true }, 'mine.onchange: expected onChange?, found an unknown key'],
  [
    'no sink',
    { match: 'cpu.*' },
    'mine.to: expected bus, or one of bus, webhook, carbon, influx, remoteWrite, found nothing',
  ],
  [
    'two sinks',
    { ...base, to: { webhook: 'http://a', carbon: 'b:1' } },
    'mine.to: expected bus, or one of bus, webhook, carbon, influx, remoteWrite, found webhook, carbon',
  ],
  [
    'a password in the URL',
    { ...base, to: { webhook: 'http://u:p@a/' } },
    'mine.to.webhook: expected http://… or https://… without user, password, ? or #, found "http://…@a/"',
  ],
  [
    'a token in the query of the URL',
    { ...base, to: { webhook: 'https://a/hook?key=s3cret' } },
    'mine.to.webhook: expected http://… or https://… without user, password, ? or #, found "https://a/hook?…"',
  ],
  [
    'a URL alone',
    { ...base, to: 'http://u:p@a/' },
    'mine.to: expected bus, or one of bus, webhook, carbon, influx, remoteWrite, found "http://…@a/"',
  ],
  [
    'a port that is none',
    { ...base, to: { carbon: 'a:70000' } },
    'mine.to.carbon: expected HOST:PORT, found "a:70000"',
  ],
  [
    'a secret that is a number',
    { ...base, to: { ...hook, secret: 7 } },
    'mine.to.secret: expected text, found "number"',
  ],
  [
    'a secret of two lines',
    { ...base, to: { ...hook, secret: 'a\nb' } },
    'mine.to.secret: expected 1 to 4096 printable ASCII characters, found "string"',
  ],
  [
    'Influx nowhere',
    { ...base, to: { influx: 'http://a', org: 'o' } },
    'mine.to: expected database (version 1), or org and bucket (version 2), found org',
  ],
  [
    'a host of a wider scope',
    { ...base, scope: 'cloud', host: 'web-*' },
    'mine.host: expected no host: results of the scope cloud belong to none, found "web-*"',
  ],
])('%s is refused with its path', (_what, form, message) => {
  const { subscription, issues } = parseSubscription('mine', form, { path: ['mine'] })
  expect(subscription).toBeUndefined()
  const [issue] = issues
  expect(`${issue?.path}: ${issue?.says ?? `expected ${issue?.expected}, found ${issue?.found}`}`).toBe(message)
})

test('every mistake of a section is told at once', () => {
  const { issues } = parseSubscriptions(
    { '_bad name': base, second: { ...base, to: {} }, third: { ...base, cloud: '[' } },
    { path: ['application', 'subscriptions'] },
  )
  expect(issues.map(({ path }) => path)).toEqual([
    'application.subscriptions._bad name',
    'application.subscriptions.second.to',
    'application.subscriptions.third.cloud',
  ])
  expect(() => requireSubscription('x', { ...base, to: {} })).toThrow(
    expect.objectContaining({
      code: 'SUBSCRIPTION_INVALID',
      message:
        'correct the subscription: to: expected bus, or one of bus, webhook, carbon, influx, remoteWrite, found nothing',
    }),
  )
})
