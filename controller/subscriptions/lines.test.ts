import { expect, test } from 'vitest'
import type { SeriesName } from '#protocol/metrics/series.ts'
import { carbonLines } from './carbon-lines.ts'
import { influxLines } from './line-protocol.ts'
import { type Reading, sourceOf } from './reading.ts'

const host = { tenant: 'main', cloud: 'c', host: 'h' }

function reading(series: SeriesName, value: number | null = 1.5): Reading {
  return { source: sourceOf(host, series, undefined), timestampMs: 1_700_000_000_999, value }
}

test.each<[SeriesName, string, string, string]>([
  [
    { name: 'cpu.usage', tags: {} },
    'lanista.c.h.cpu.usage 1.5 1700000000\n',
    'cpu.usage;cloud=c;host=h 1.5 1700000000\n',
    'cpu.usage,cloud=c,host=h value=1.5 1700000000999\n',
  ],
  [
    { name: 'disk.read', tags: { device: '/dev/sd a', core: '1.0' } },
    'lanista.c.h.disk.read.core.1_0.device._dev_sd_a 1.5 1700000000\n',
    'disk.read;cloud=c;core=1.0;device=/dev/sd a;host=h 1.5 1700000000\n',
    'disk.read,cloud=c,core=1.0,device=/dev/sd\\ a,host=h value=1.5 1700000000999\n',
  ],
  [
    { name: '#odd,na=me', tags: { 'a,b': 'c=d\\', time: 'now', host: 'mine' } },
    'lanista.c.h._odd_na_me.a_b.c_d_.host.mine.time.now 1.5 1700000000\n',
    '#odd,na=me;a,b=c=d\\;cloud=c;host=h;tag_host=mine;time=now 1.5 1700000000\n',
    '_odd\\,na=me,a\\,b=c\\=d_,cloud=c,host=h,tag_host=mine,tag_time=now value=1.5 1700000000999\n',
  ],
  [
    { name: 'monitor.shop.load', tags: { scope: 'cloud' } },
    'lanista.c._cloud.monitor.shop.load.scope.cloud 1.5 1700000000\n',
    'monitor.shop.load;cloud=c;scope=cloud 1.5 1700000000\n',
    'monitor.shop.load,cloud=c,scope=cloud value=1.5 1700000000999\n',
  ],
  [
    { name: 'rule.shop.grow', tags: { scope: 'cross-cloud' } },
    'lanista._home._controller.rule.shop.grow.scope.cross-cloud 1.5 1700000000\n',
    'rule.shop.grow;scope=cross-cloud 1.5 1700000000\n',
    'rule.shop.grow,scope=cross-cloud value=1.5 1700000000999\n',
  ],
])('%j as lines', (series, plain, tagged, influx) => {
  expect(carbonLines(false)(reading(series))).toBe(plain)
  expect(carbonLines(true)(reading(series))).toBe(tagged)
  expect(influxLines()(reading(series))).toBe(influx)
})

test('an unknown value has no line', () => {
  const unknown = reading({ name: 'a', tags: {} }, null)
  for (const write of [carbonLines(true), carbonLines(false), influxLines()]) expect(write(unknown)).toBeUndefined()
})
