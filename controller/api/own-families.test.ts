import { expect, test } from 'vitest'
import { newIngestCounters } from '#controller/ingest/ingest-limits.ts'
import { formatOpenMetrics } from './open-metrics.ts'
import { parseOpenMetrics } from './open-metrics-grammar.ts'
import { type OwnSources, ownFamilies } from './own-families.ts'
import { newHttpCounters } from './server.ts'

const sources: OwnSources = {
  ingest: newIngestCounters(),
  presence: { births: 0, heartbeats: 0, deaths: 0, malformed: 0, birthsAsked: 0, deathsTold: 0 },
  queries: { questions: 0, answered: 0, unanswered: 0, invalid: 0, pages: 0, bytes: 0 },
  orders: { open: 1, issued: 3, sent: 4, reports: 5, strange: 0, conflicts: 0, settled: { done: 2 } },
  hostsRefused: 0,
  hostWriteFailures: 0,
  hosts: [],
  subscriptions: [],
  rules: { rounds: 0, decisions: 0, late: 0, scaled: 0, raised: 0, notDone: 0, writeFailures: 0 },
  instances: {
    fleet: {
      components: [],
      unreadable: new Set(),
      hosts: new Map(),
      records: new Map(),
      orders: new Map(),
      numbers: new Map(),
      memberships: new Map(),
      codes: new Map(),
      nowMs: 0,
      knowsHosts: true,
    },
    counters: { rounds: 5, created: 4, ordered: 3, failed: 2 },
  },
  blobs: { keptBytes: 7, desk: { sent: 1, bytes: 2, refused: 3, dropped: 4 } },
  aggregate: {
    heard: 0,
    refused: { stranger: 1 },
    missed: 0,
    published: 0,
    revised: 0,
    recorder: { recorded: 0, refused: 0, dropped: 0, retries: 0, waiting: 0 },
    notPublished: 0,
    setsSent: 0,
    generation: 0,
    behind: 0,
  },
  events: {
    kept: 0,
    heard: 0,
    malformed: 0,
    tooMany: 0,
    notPublished: 0,
    appended: 0,
    repeated: 0,
    droppedByCount: 0,
    droppedByBytes: 0,
    droppedByAge: 0,
    writeFailures: 0,
  },
  window: { series: 0, samples: 0, bytes: 0, dropped: { expired: 0, budget: 0, series_limit: 0, value: 0 } },
  http: newHttpCounters(),
  bus: undefined,
  broker: undefined,
  rssBytes: 1,
  uptimeSeconds: 1,
}

function namesOf(more: Partial<OwnSources>): Map<string, number> {
  return parseOpenMetrics(formatOpenMetrics(ownFamilies({ ...sources, ...more })))
}

test('each bound of a broker in our own process is a metric', () => {
  const broker = {
    logins: 1,
    loginsRefused: 2,
    publishesRefused: 3,
    subscriptionsRefused: 4,
    cutOverCap: 5,
    cutTooLarge: 6,
    cutTooSlow: 7,
  }
  const found = [...namesOf({ broker })].filter(([name]) => name.includes('_broker_'))
  expect(Object.fromEntries(found)).toEqual({
    lanista_controller_broker_logins_total: 1,
    'lanista_controller_broker_refused_total{what="login"}': 2,
    'lanista_controller_broker_refused_total{what="publish"}': 3,
    'lanista_controller_broker_refused_total{what="subscribe"}': 4,
    'lanista_controller_broker_cut_total{reason="over_cap"}': 5,
    'lanista_controller_broker_cut_total{reason="too_large"}': 6,
    'lanista_controller_broker_cut_total{reason="too_slow"}': 7,
  })
})

test("somebody else's broker has none here", () => {
  expect([...namesOf({}).keys()].filter((name) => name.includes('broker'))).toEqual([])
})
