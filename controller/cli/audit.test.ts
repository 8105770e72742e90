import { expect, test } from 'vitest'
import { CliStage } from './cli-stage.ts'

test('what a command changes, or fails to, is listed with who, from where and what came of it, and the chain is whole', async () => {
  await using cli = await CliStage.open()
  await cli.run(['hosts'])
  expect((await cli.run(['audit'])).text).toBe('')
  await cli.run(['secrets', 'remove', 'none'])
  const listed = await cli.run(['audit', '--limit', '5'])
  expect(listed).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^\S+Z {2}operator {2}127\.0\.0\.1 {2}409 {2}MASTER_KEY_MISSING {2}DELETE \S+none\n$/),
  })
  expect(await cli.run(['audit', 'check'])).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^1 entries, 0 changed or missing, newest [0-9a-f]{64}\n$/),
  })
  expect(await cli.run(['audit', '--limit', '0'])).toMatchObject({ code: 2 })
})
