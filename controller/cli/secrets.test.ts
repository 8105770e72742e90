import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CliStage } from './cli-stage.ts'

test('secrets are set, listed by name, rotated and removed, and no answer holds one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-key-'))
  try {
    await using cli = await CliStage.open({ masterKey: { path: join(folder, 'key'), kind: 'file' } })
    const file = join(cli.folder, 'text')
    await writeFile(file, 'hush-hush\n')
    expect(await cli.run(['secrets', 'set', 'ec2', '--file', file])).toMatchObject({ code: 0, notes: ['ec2: created'] })
    expect(await cli.run(['secrets', 'set', 'ec2', '--file', file])).toMatchObject({ code: 0, notes: ['ec2: changed'] })
    const listed = await cli.run(['secrets'])
    expect(listed).toMatchObject({ code: 0, text: expect.stringMatching(/^NAME .*\nec2 +20\d\d-.* [0-9a-f]{16}\n$/) })
    const rotated = await cli.run(['secrets', 'rotate', '--json'])
    expect(JSON.parse(rotated.text)).toMatchObject({ resealed: 1, left: 0 })
    const again = await cli.run(['secrets', '--json'])
    expect(listed.text + rotated.text + again.text).not.toContain('hush')
    expect(await cli.run(['secrets', 'remove', 'ec2'])).toMatchObject({ code: 0 })
    expect(await cli.run(['secrets', 'remove', 'ec2'])).toMatchObject({ code: 2 })
    expect(await cli.run(['secrets', 'set', '_x', '--file', file])).toMatchObject({ code: 2 })
    expect(await cli.run(['secrets', 'set', 'x', '--file', join(folder, 'none')])).toMatchObject({ code: 2 })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('without a master key the controller runs and says that it takes no secrets', async () => {
  await using none = await CliStage.open()
  expect((await none.run(['secrets'])).notes).toEqual([expect.stringContaining('master key')])
  expect((await none.run(['hosts', '--json'])).text).toBe('[]\n')
})
