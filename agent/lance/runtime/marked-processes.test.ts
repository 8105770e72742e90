import { expect, it } from 'vitest'
import { type ProcessRow, processesMarked } from './marked-processes.ts'

const mark = 'LANISTA_PLACE=/a'
const row = (pid: number, parent: number, session: number, ...marks: string[]): ProcessRow => ({
  pid,
  parent,
  group: session,
  session,
  marks,
})
const pids = (...rows: ProcessRow[]): number[] =>
  processesMarked(rows, mark)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b)

it('what carries the mark is found, what carries another is not', () => {
  expect(pids(row(2, 1, 2, mark), row(3, 1, 3, 'LANISTA_PLACE=/ab'), row(4, 1, 4))).toEqual([2])
})

it('children with a clean environment are found by descent, and theirs', () => {
  expect(pids(row(2, 1, 2, mark), row(5, 3, 5), row(3, 2, 3), row(9, 1, 9))).toEqual([2, 3, 5])
})

it('an orphan with a clean environment is found by its session’s leader', () => {
  expect(pids(row(2, 1, 2, mark), row(7, 1, 2))).toEqual([2, 7])
})

it('a session that only hosts one of ours is not taken with it', () => {
  expect(pids(row(2, 1, 2), row(3, 2, 2, mark), row(4, 2, 2))).toEqual([3])
})
