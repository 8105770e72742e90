import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readTokens, tokensPath, writeToken } from './tokens.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-tokens-'))
})

afterEach(() => rm(folder, { recursive: true }))

test('XDG_CONFIG_HOME decides where the file is, else the home folder', () => {
  expect(tokensPath({ XDG_CONFIG_HOME: '/x', HOME: '/h' })).toBe('/x/lanista/tokens.json')
  expect(tokensPath({ XDG_CONFIG_HOME: '', HOME: '/h' })).toBe('/h/.config/lanista/tokens.json')
})

test('no file means no tokens', () => {
  expect(readTokens(join(folder, 'none.json')).size).toBe(0)
})

test('writing keeps the other entries, only the owner can read, and nothing is left beside', async () => {
  const path = join(folder, 'deep', 'tokens.json')
  await writeToken(path, 'http://127.0.0.1:1', 'one')
  await writeToken(path, 'http://127.0.0.1:2', 'two')
  await writeToken(path, 'http://127.0.0.1:1', 'three')
  expect([...readTokens(path)]).toEqual([
    ['http://127.0.0.1:2', 'two'],
    ['http://127.0.0.1:1', 'three'],
  ])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'deep'))).toEqual(['tokens.json'])
})

test('a controller that listens elsewhere now is not listed twice', async () => {
  const path = join(folder, 'tokens.json')
  await writeToken(path, 'http://127.0.0.1:1', 'same')
  await writeToken(path, 'http://127.0.0.1:2', 'same')
  expect([...readTokens(path)]).toEqual([['http://127.0.0.1:2', 'same']])
})

test('of several controllers those whose `up` has ended are left out, and leave the file with the next that is written', async () => {
  const path = join(folder, 'tokens.json')
  const ended = { token: 'ended', process: { pid: process.pid, started: 'long ago' } }
  const byHand = { token: 'by hand' }
  await writeFile(path, JSON.stringify({ 'http://127.0.0.1:1': ended }))
  expect([...readTokens(path)]).toEqual([['http://127.0.0.1:1', 'ended']])
  await writeFile(path, JSON.stringify({ 'http://127.0.0.1:1': ended, 'http://x': byHand }))
  expect([...readTokens(path)]).toEqual([['http://x', 'by hand']])
  await writeToken(path, 'http://127.0.0.1:2', 'new')
  expect(Object.keys(JSON.parse(await readFile(path, 'utf8')) as object)).toEqual(['http://x', 'http://127.0.0.1:2'])
})

test.each(['{', '[]', '{"http://x":{}}', '{"http://x":"t"}'])('a file with %s is refused by its path', async (text) => {
  const path = join(folder, 'tokens.json')
  await writeFile(path, text)
  expect(() => readTokens(path)).toThrow(
    expect.objectContaining({ code: 'TOKENS_UNREADABLE', message: expect.stringContaining(path) }),
  )
})

test('a folder that cannot be made is named', async () => {
  const path = join(folder, 'file', 'tokens.json')
  await writeFile(join(folder, 'file'), '')
  await expect(writeToken(path, 'http://x', 't')).rejects.toMatchObject({ message: expect.stringContaining(path) })
})

test.runIf(process.platform === 'linux')(
  'a folder where nothing can be made is named, and not tried for ever',
  async () => {
    const path = '/proc/nowhere/lanista/tokens.json'
    await expect(writeToken(path, 'http://x', 't')).rejects.toMatchObject({ message: expect.stringContaining(path) })
  },
)
