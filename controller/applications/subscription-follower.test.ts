import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { SubscriptionStage } from '#controller/subscriptions/subscription-stage.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { ApplicationRegistry } from './application-registry.ts'
import { followSubscriptions } from './subscription-follower.ts'

const never = new AbortController().signal
const text = `application: shop
subscriptions: { hook: { match: cpu.*, to: { webhook: 'http://127.0.0.1:9/', secret: hush-hush-hush } } }
`

test('a file whose secrets cannot be kept is refused whole, and after a restart no subscription lacks its secret', async () => {
  await using stage = await SubscriptionStage.open()
  const registry = new MemoryRegistryStore()
  const applications = await ApplicationRegistry.open({ registry, clock: systemClock, logger: silentLogger })
  const follow = (): Promise<() => Promise<void>> =>
    followSubscriptions('main', { applications, subscriptions: stage.service, logger: silentLogger })
  const stop = await follow()
  await mkdir(stage.secretsPath, { recursive: true })
  await mkdir(`${stage.secretsPath}/inside`)
  const refused = applications.apply('main', text, {}, never)
  await expect(refused).rejects.toMatchObject({ code: 'SECRETS_UNWRITABLE' })
  expect(applications.list('main')).toEqual([])
  await rmdir(`${stage.secretsPath}/inside`)
  await rmdir(stage.secretsPath)
  await stop()
  await stage.restart()
  const stopAgain = await follow()
  expect(stage.service.list('main')).toEqual([])
  await applications.apply('main', text, {}, never)
  await stopAgain()
  expect(stage.service.list('main')).toMatchObject([{ name: 'hook', hasSecret: true }])
  await stage.restart()
  expect(stage.service.list('main')).toMatchObject([{ hasSecret: true }])
})

test('secrets of a file that cannot be written itself are taken back', async () => {
  await using stage = await SubscriptionStage.open()
  const registry = new MemoryRegistryStore()
  const applications = await ApplicationRegistry.open({ registry, clock: systemClock, logger: silentLogger })
  const stop = await followSubscriptions('main', {
    applications,
    subscriptions: stage.service,
    logger: silentLogger,
  })
  await applications.apply('main', text, {}, never)
  await registry.close()
  const other = text.replace('hush-hush-hush', 'another-secret').replace('cpu', 'memory')
  await expect(applications.apply('main', other, {}, never)).rejects.toMatchObject({ code: 'CLOSED' })
  await stop()
  const kept = await readFile(stage.secretsPath, 'utf8')
  expect(kept).toContain('hush-hush-hush')
  expect(kept).not.toContain('another-secret')
})
