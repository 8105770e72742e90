import { expect, test } from 'vitest'
import { knownHost } from '#controller/aggregate/clouds-stage.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { HostReports } from './host-reports.ts'

const host = 'main.home.h1'
const report = { session: 7, system: 'linux', isolations: ['directory'], instances: [] }

test('a host that does not answer is asked again within seconds, later each time, and each half minute once it has', async () => {
  const clock = new FakeClock()
  const askedS: number[] = []
  let isDeaf = true
  const bus = {
    request: async () => {
      askedS.push(clock.monotonic() / 1000)
      if (isDeaf) throw new Error('no answer')
      return encodeJsonAnswer(report)
    },
    subscribe: (pattern: string) => ({ pattern, close: () => undefined }),
  }
  const known = [knownHost(host)]
  const deps = { tenant: 'main', bus, clock, logger: silentLogger, hosts: () => known, onChange: () => undefined }
  const reports = HostReports.start(deps)
  await clock.advance(20_000)
  expect(askedS).toEqual([0.5, 1.5, 3.5, 7.5, 15.5])
  expect(reports.reportOf(host, 7)).toBeUndefined()

  isDeaf = false
  await clock.advance(50_000)
  expect(askedS.slice(5)).toEqual([31.5, 61.5])
  expect(reports.reportOf(host, 7)).toMatchObject({ isolations: ['directory'] })
  reports.close()
})
