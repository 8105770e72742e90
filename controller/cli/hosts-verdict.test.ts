import { expect, test } from 'vitest'
import { hostsVerdict } from './hosts-verdict.ts'

test.each([
  ['everybody answered', { answered: 2, unanswered: '' }, false, 0, []],
  ['one is missing', { answered: 1, unanswered: '1; t.c.a' }, false, 0, ['lanista: 1 host did not answer: t.c.a']],
  ['the window spoke', { answered: 0, unanswered: '1; t.c.a' }, true, 0, ['lanista: 1 host did not answer: t.c.a']],
  [
    'nobody',
    { answered: 0, unanswered: '2; t.c.a, t.c.b' },
    false,
    1,
    ['lanista: 2 hosts did not answer: t.c.a, t.c.b'],
  ],
])('%s', (_, hosts, hasAnswer, code, notes) => {
  const said: string[] = []
  expect(hostsVerdict(hosts, hasAnswer, { note: (line) => void said.push(line) })).toBe(code)
  expect(said).toEqual(notes)
})
