import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { MemberList } from './member-list.ts'

let data: string

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'members-'))
})

afterEach(() => rmSync(data, { recursive: true, force: true }))

test('whoever was seen is expected until it leaves, across restarts', () => {
  const list = new MemberList(data, silentLogger)
  list.update(
    new Map([
      ['a', 'alive'],
      ['b', 'suspect'],
      ['c', 'alive'],
    ]),
  )
  list.update(
    new Map([
      ['a', 'alive'],
      ['b', 'dead'],
    ]),
  )
  expect(list.hosts).toEqual(['a', 'b', 'c'])
  const next = new MemberList(data, silentLogger)
  expect(next.hosts).toEqual(['a', 'b', 'c'])
  next.update(new Map([['b', 'left']]))
  expect(new MemberList(data, silentLogger).hosts).toEqual(['a', 'c'])
})

test('a file that cannot be read counts as none', () => {
  writeFileSync(join(data, 'aggregate-members.json'), '["a", "_cloud"')
  expect(new MemberList(data, silentLogger).hosts).toEqual([])
})
