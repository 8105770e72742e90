import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readApplicationFile } from '#controller/applications/application-file.ts'
import { readyFile } from './apply.ts'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'lanista-folders-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const text = 'application: a\ncomponents:\n  # the only one\n  b: { image: x, files: . }\n'

it.each<[string, string, boolean]>([
  ['a script', '#!/bin/sh\nexec true\n', true],
  ['a script that may not be run', '#!/bin/sh\n', false],
  ['a program without #!', 'true\n', true],
  ['lines of Windows', 'a\r\nb\r\n', false],
  ['nothing but space', ' \n', false],
  ['what looks like YAML', '- a: "b" # c\n---\n\t|\n', false],
  ['nothing', '', false],
])('takes a file of a folder as it is: %s', (_what, content, isExecutable) => {
  const file = join(base, 'app.yaml')
  writeFileSync(file, text)
  writeFileSync(join(base, 'one'), content, { mode: isExecutable ? 0o755 : 0o644 })
  const ready = readyFile(file)
  expect(ready.text).toContain('# the only one')
  expect(readApplicationFile(ready.text, 'a').components[0]?.files).toEqual([
    { path: 'app.yaml', text, isExecutable: false },
    { path: 'one', text: content, isExecutable },
  ])
})

it('takes at most 64 files', () => {
  writeFileSync(join(base, 'app.yaml'), text)
  for (let i = 0; i < 64; i++) writeFileSync(join(base, `f${i}`), '')
  expect(() => readyFile(join(base, 'app.yaml'))).toThrow('more than 64 files in it')
})
