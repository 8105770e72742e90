import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keepSession, openIdentity, takeSession } from './identity.ts'

const address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'identity-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the identity of an agent', () => {
  it('is made once and kept, readable by its owner alone', async () => {
    const made = await openIdentity(folder, address)
    expect(made.publicKey).toMatch(/^U[A-Z2-7]{55}$/)
    expect(await openIdentity(folder, address)).toEqual(made)
    expect(statSync(join(folder, 'identity.json')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(folder, 'identity.json'), 'utf8')).not.toContain(made.publicKey)
  })

  it('is never reused for another host', async () => {
    await openIdentity(folder, address)
    await expect(openIdentity(folder, { ...address, host: 'b1' })).rejects.toThrow(
      expect.objectContaining({ code: 'IDENTITY_OTHER' }),
    )
  })

  it('is not replaced when its file is damaged', async () => {
    writeFileSync(join(folder, 'identity.json'), '{"id":"acme.c1')
    await expect(openIdentity(folder, address)).rejects.toThrow(expect.objectContaining({ code: 'IDENTITY_INVALID' }))
  })

  it('asks for another folder when this one cannot be written', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    for (const place of [file, '/proc/lanista']) {
      await expect(openIdentity(place, address)).rejects.toThrow(
        expect.objectContaining({ code: 'DATA_DIR_UNWRITABLE' }),
      )
    }
  })
})

describe('the session number', () => {
  it('grows with every start, whatever the clock does', () => {
    const first = takeSession(folder, 1_700_000_000_000)
    expect(first).toBe(1_700_000_000)
    expect(takeSession(folder, 1_600_000_000_000)).toBe(first + 1)
    keepSession(folder, first + 50)
    expect(takeSession(folder, 1_600_000_000_000)).toBe(first + 51)
  })

  it('is ahead of its past when the file is lost or damaged', () => {
    writeFileSync(join(folder, 'session.json'), 'x')
    expect(takeSession(folder, 1_700_000_000_000)).toBe(1_700_000_000)
  })
})
