import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CliStage } from './cli-stage.ts'
import { writeToken } from './tokens.ts'

test('a viewer’s token asks, changes nothing, and is refused once revoked', async () => {
  await using cli = await CliStage.open()
  const { text: token, code } = await cli.run(['tokens', 'create', 'eye', '--role', 'viewer', '--lifetime', '1h'])
  expect([code, token]).toEqual([0, expect.stringMatching(/^lanista_\S{43}\n$/)])
  expect((await cli.run(['tokens'])).text).toMatch(/\neye +viewer +\S+Z +never\n$/)
  const own = join(cli.folder, 'config', 'lanista', 'tokens.json')
  const url = cli.env['LANISTA_CONTROLLER'] ?? ''
  await writeToken(own, url, token.trim())
  expect(await cli.run(['hosts', '--json'])).toMatchObject({ code: 0 })
  expect(await cli.run(['tokens', 'create', 'own', '--role', 'admin'])).toMatchObject({ code: 1 })
  expect(await cli.run(['audit'])).toMatchObject({ code: 1, notes: [expect.stringContaining('viewer')] })
  await writeToken(own, url, 'a-token-of-the-operator')
  expect(await cli.run(['tokens', 'revoke', 'eye'])).toMatchObject({ code: 0 })
  expect((await cli.run(['audit'])).text).toContain('token/eye')
  await writeToken(own, url, token.trim())
  expect(await cli.run(['hosts'])).toMatchObject({ code: 1 })
})
