import { expect, test } from 'vitest'
import { type RingAnswer, ringText } from './ring.ts'

const member: RingAnswer = {
  host: 'a',
  cloud: 'home',
  state: 'online',
  ring: 'member',
  zone: '',
  position: '00000000000000ff',
  copies: 3,
  degree: 2,
  is_under_replicated: true,
  is_quarantined: false,
  lag_samples: 12,
  lag_seconds: 3,
  bytes_out: 2048,
  bytes_in: 0,
  held: [{ owner: 'b' }, { owner: 'c' }],
  held_by: [{ host: 'b' }],
}

test('the table says who has whose copies, and leaves open what nobody said', () => {
  const gone: RingAnswer = { ...member, host: 'z', state: 'offline', ring: 'absent', held: [], held_by: [] }
  const silent = { zone: null, position: null, copies: null, degree: null, is_under_replicated: null }
  const figures = { is_quarantined: null, lag_samples: null, lag_seconds: null, bytes_out: null, bytes_in: null }
  const [, first, second] = ringText([member, { ...gone, ...silent, ...figures }]).split('\n')
  expect(first?.split(/ {2,}/)).toEqual([
    'a',
    'home',
    '-',
    'online',
    'member',
    '00000000000000ff',
    '2/3',
    '12',
    '3s',
    '2.0 KiB',
    '0 B',
    'b',
    'b c',
  ])
  expect(second?.split(/ {2,}/)).toEqual([
    'z',
    'home',
    '-',
    'offline',
    'absent',
    ...Array.from({ length: 8 }, () => '-'),
  ])
})
