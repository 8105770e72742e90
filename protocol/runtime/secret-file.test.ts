import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSecretFile, writeSecretFile } from './secret-file.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanista-secret-'))
  path = join(folder, 'key')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function modeOf(file: string): number {
  return statSync(file).mode & 0o777
}

describe('a secret file', () => {
  it('reads back as it was written, for its owner alone, with nothing left beside it', () => {
    writeSecretFile(path, 'one')
    writeSecretFile(path, 'two')
    expect(readSecretFile(path)).toBe('two')
    expect(modeOf(path)).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['key'])
  })

  it('is for its owner alone though the file before, or one that a crash left beside it, was not', () => {
    for (const file of [path, `${path}.new`]) {
      writeFileSync(file, 'old')
      chmodSync(file, 0o644)
    }
    writeSecretFile(path, 'new')
    expect(modeOf(path)).toBe(0o600)
    expect(readSecretFile(path)).toBe('new')
  })

  it('is nothing when it is not there', () => {
    expect(readSecretFile(path)).toBeUndefined()
  })

  it('is refused at once when it is a device, a pipe or a folder', () => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', path])
    for (const other of ['/dev/zero', path, folder]) expect(() => readSecretFile(other)).toThrow('regular file')
  })

  it('stays as it was when it cannot be replaced, with nothing left beside it', () => {
    mkdirSync(path)
    writeFileSync(join(path, 'inside'), '')
    expect(() => writeSecretFile(path, 'text')).toThrow(path)
    expect(readdirSync(folder)).toEqual(['key'])
    expect(() => writeSecretFile(join(folder, 'none', 'key'), 'text')).toThrow('ENOENT')
  })

  it('can be written first under a name of the writer', () => {
    mkdirSync(`${path}.new`)
    writeSecretFile(path, 'text', `${path}.mine`)
    expect(readdirSync(folder)).toEqual(['key', 'key.new'])
  })
})
