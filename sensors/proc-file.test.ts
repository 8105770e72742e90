import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ProcFile } from './proc-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'lanista-proc-file-'))
const path = join(folder, 'stat')
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['shorter than its buffer', 3],
  ['as long as its buffer', 64],
  ['longer than half a page', 300],
  ['of several pages', 2000],
])('a text of short lines is read whole: %s', (_, lines) => {
  const text = 'rss 100\n'.repeat(lines)
  writeFileSync(path, text)
  const file = new ProcFile(path, { hasShortLines: true, bufferBytes: 512 })
  expect([file.read(), file.read()]).toEqual([text, text])
  file.close()
})
