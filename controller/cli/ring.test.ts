import { expect, test } from 'vitest'
import { type RingRow, ringNotes, ringText } from './ring.ts'

const member: RingRow = {
  host: 'a',
  cloud: 'home',
  state: 'online',
  ring: 'member',
  zone: '',
  position: '00000000000000ff',
  copies: 3,
  copies_possible: 3,
  degree: 2,
  is_under_replicated: true,
  rebuild_in_seconds: 840,
  is_quarantined: false,
  lag_samples: 12,
  lag_seconds: 3,
  bytes_out: 2048,
  bytes_in: 0,
  held: [
    { owner: 'b', samples: 1, bytes: 2 },
    { owner: 'c', samples: 1, bytes: 2 },
  ],
  held_by: [{ host: 'b', samples: 1, bytes: 2 }],
}

test('the table says who has whose copies, and leaves open what nobody said', () => {
  const gone: RingRow = { ...member, host: 'z', state: 'offline', ring: 'absent', held: [], held_by: [] }
  const silent = { zone: null, position: null, copies: null, copies_possible: null, degree: null }
  const few = { is_under_replicated: null, rebuild_in_seconds: null }
  const figures = { is_quarantined: null, lag_samples: null, lag_seconds: null, bytes_out: null, bytes_in: null }
  const [, first, second] = ringText([member, { ...gone, ...silent, ...few, ...figures }]).split('\n')
  expect(first?.split(/ {2,}/)).toEqual([
    'a',
    'home',
    '-',
    'online',
    'member',
    '00000000000000ff',
    '2/3',
    '840s',
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
    ...Array.from({ length: 9 }, () => '-'),
  ])
})

const whole: RingRow = { ...member, degree: 3, is_under_replicated: false, rebuild_in_seconds: null }

test.each<[string, RingRow[], string[]]>([
  ['nothing where all is well', [whole], []],
  [
    'who has too few copies, and when they are made anew',
    [member, whole],
    ['too few copies: home.a (2 of 3, rebuild in 840s)'],
  ],
  [
    'that they are being made',
    [{ ...member, rebuild_in_seconds: 0 }],
    ['too few copies: home.a (2 of 3, rebuild under way)'],
  ],
  [
    'that there are fewer hosts than copies, once a cloud',
    [
      { ...whole, copies_possible: 2 },
      { ...whole, host: 'b', copies_possible: 2 },
    ],
    ['home: 3 copies wanted, 2 hosts: 2 kept'],
  ],
  [
    'whose zone is not known, where others have one',
    [whole, { ...whole, host: 'b', zone: 'z1' }],
    ['home: give every host its label zone: found none of home.a, which count as one more zone'],
  ],
  ['clones', [{ ...whole, is_quarantined: true }], ['two live with one identity, enrol one anew: home.a']],
])('a person is told %s', (_, rows, notes) => {
  expect(ringNotes(rows)).toEqual(notes)
})
