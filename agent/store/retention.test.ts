import { expect, test } from 'vitest'
import { nextDrop } from './retention.ts'

const base = { days: [98, 99, 100], today: 100, retentionDays: 400, bytes: 50, bytesMax: 100 }

test.each([
  ['nothing to drop', base, undefined],
  ['a day past retention', { ...base, retentionDays: 1 }, { drop: 'day', day: 98, reason: 'age' }],
  ['too many bytes: the oldest day', { ...base, bytes: 101 }, { drop: 'day', day: 98, reason: 'bytes' }],
  ['too many bytes in one day', { ...base, days: [100], bytes: 101 }, { drop: 'partOfDay', day: 100 }],
  ['an empty area that is too large', { ...base, days: [], bytes: 101 }, undefined],
])('%s', (_, input, step) => {
  expect(nextDrop(input)).toEqual(step)
})
