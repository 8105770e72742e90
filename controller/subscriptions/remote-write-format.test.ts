import { expect, test } from 'vitest'
import { sourceOf } from './reading.ts'
import { promLabels, writeRequests } from './remote-write-format.ts'

const host = { tenant: 'main', cloud: 'c', host: 'h' }

test('a request is the bytes that the protobuf schema says', () => {
  const source = sourceOf(host, { name: 'up', tags: {} }, undefined)
  const bytes = writeRequests()([
    { source, timestampMs: 300, value: 1 },
    { source, timestampMs: 1, value: null },
  ])
  expect(Buffer.from(bytes).toString('hex')).toBe(
    [
      '0a42', // timeseries, 66 bytes
      '0a0e0a085f5f6e616d655f5f12027570', // __name__ up
      '0a0a0a05636c6f7564120163', // cloud c
      '0a090a04686f7374120168', // host h
      '120b09020000000000f07f1001', // stale at 1: in order of time
      '120c09000000000000f03f10ac02', // 1 at 300
    ].join(''),
  )
})

test.each<[string, Record<string, string>, Record<string, string>]>([
  ['shop.orders-total', {}, { __name__: 'shop_orders_total' }],
  ['5xx:rate', { '1st': 'a' }, { __name__: '_5xx:rate', _1st: 'a' }],
  ['a', { __name__: 'b', __x: 'y' }, { __name__: 'a', tag__name__: 'b', tag__x: 'y' }],
  ['a', { 'x.y': '1', 'x-y': '2', x_y: '3' }, { __name__: 'a', x_y: '1', x_y_2: '2', x_y_3: '3' }],
  ['a', { host: 'other', cloud: 'other' }, { __name__: 'a', tag_host: 'other', tag_cloud: 'other' }],
])('%s with %j has labels that Prometheus takes', (name, tags, labels) => {
  expect(Object.fromEntries(promLabels(sourceOf(host, { name, tags }, undefined)))).toEqual({
    cloud: 'c',
    host: 'h',
    ...labels,
  })
})

test('a result belongs to its scope, not to the host that records it', () => {
  const labels = (scope: string): object =>
    Object.fromEntries(promLabels(sourceOf(host, { name: 'monitor.a.m', tags: { scope, host: 'x' } }, undefined)))
  expect(labels('cloud')).toEqual({ __name__: 'monitor_a_m', cloud: 'c', scope: 'cloud', host: 'x' })
  expect(labels('cross-cloud')).toEqual({ __name__: 'monitor_a_m', scope: 'cross-cloud', host: 'x' })
})
