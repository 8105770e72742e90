import { expect, test } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import type { LeaveReport } from '#protocol/messages/leave.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import { parseHostId, parseSubject } from '#protocol/subjects/subject.ts'
import { askToLeave } from './leave-query.ts'
import type { PossibleHost } from './plan.ts'

const never = new AbortController().signal
const ask = { deadlineMs: 1000, isForced: false, waitMs: 10 }
const report: LeaveReport = { state: 'leaving', toHandOver: [{ owner: 'web', samples: 3 }] }

/** A fleet of which `main.home.web` does what is said when it is asked. */
function fleet(answer: () => Uint8Array, state: PossibleHost['state'] = 'online') {
  const hosts: PossibleHost[] = ['main.home.web', 'main.aws.web', 'main.home.db'].map((id) => ({
    address: parseHostId(id),
    state: id === 'main.home.web' ? state : 'online',
  }))
  const asked: string[] = []
  const request = async (subject: string): Promise<Uint8Array> => {
    const { kind, rest } = parseSubject(subject)
    asked.push(`${kind}.${rest[0]}`)
    return answer()
  }
  const leave = (host: string, cloud?: string) =>
    askToLeave({ tenant: 'main', host, cloud }, ask, { bus: { request }, hosts: () => hosts }, never)
  return { hosts, asked, leave }
}

function fails(code: string): () => never {
  return () => {
    throw new LanistaError(code, 'no')
  }
}

test('a host says how far it is', async () => {
  const { leave, asked } = fleet(() => encodeJsonAnswer(report))
  expect(await leave('web', 'home')).toEqual({ owner: parseHostId('main.home.web'), report })
  expect(asked).toEqual(['control.leave'])
})

test.each([
  ['web', 'found main.aws.web, main.home.web'],
  ['*', 'expected one'],
  ['nobody', 'found none'],
])('nothing is asked to leave unless exactly one is named: %s', async (host, found) => {
  const { leave, asked } = fleet(() => encodeJsonAnswer(report))
  await expect(leave(host)).rejects.toMatchObject({ code: 'QUERY_INVALID', message: expect.stringContaining(found) })
  expect(asked).toEqual([])
})

test('who has left is not asked again, and who left without a last word is known to have left', async () => {
  const left = { report: { state: 'left', toHandOver: [] } }
  const before = fleet(fails('NO_ONE_THERE'), 'left')
  expect(await before.leave('web', 'home')).toMatchObject(left)
  expect(before.asked).toEqual([])
  const meanwhile = fleet(() => {
    meanwhile.hosts[0] = { address: parseHostId('main.home.web'), state: 'left' }
    return fails('TIMED_OUT')()
  })
  expect(await meanwhile.leave('web', 'home')).toMatchObject(left)
})

test.each([
  ['nobody is there', fails('NO_ONE_THERE'), 'HOST_UNAVAILABLE'],
  ['the answer is noise', () => Uint8Array.of(9, 9), 'HOST_UNAVAILABLE'],
  ['it refuses', () => encodeRefusal(new LanistaError('LEAVE_REFUSED', 'nobody else')), 'LEAVE_REFUSED'],
])('when %s the asker is told', async (_, answer, code) => {
  await expect(fleet(answer).leave('web', 'home')).rejects.toMatchObject({ code })
})
