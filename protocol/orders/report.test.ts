import { expect, it } from 'vitest'
import { encodeJson } from '#protocol/messages/json.ts'
import { encodeReport, type OrderReport, parseReport, parseSettled, settledOrdersMax } from './report.ts'

const report: OrderReport = { id: 'ord-1', journal: 'journal-1', state: 'failed', code: 'DISK_FULL', reason: 'no room' }

it('a report comes back as it was said', () => {
  expect(parseReport(encodeReport(report))).toEqual(report)
})

it.each<[string, object]>([
  ['of another state', { state: 'lost' }],
  ['on no order', { id: 'q1' }],
  ['with an endless reason', { reason: 'x'.repeat(1025) }],
  ['with a code that no program could compare', { code: 'disk full' }],
])('a report %s is refused', (_name, change) => {
  expect(() => parseReport(encodeJson({ ...report, ...change }))).toThrow(
    expect.objectContaining({ code: 'MESSAGE_INVALID' }),
  )
})

it('what is settled is a list, not too long', () => {
  expect(parseSettled(encodeJson({ orders: ['ord-1'] })).orders).toEqual(['ord-1'])
  const orders = Array.from({ length: settledOrdersMax + 1 }, () => 'ord-1')
  expect(() => parseSettled(encodeJson({ orders }))).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
})
