import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { textMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { LanistaError } from '#protocol/errors.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type OrderContext, type OrderHandler, outcomeAfterRestart } from '../orders/order-handler.ts'
import { BundleFolder } from './bundle-folder.ts'
import { type UpgradeDeps, upgradeHandler } from './upgrade-handler.ts'

let root = ''
let folder: BundleFolder
let restarts = 0
let healthy: UpgradeDeps['healthy'] = async () => {}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanista-upgrade-'))
  folder = new BundleFolder(join(root, 'bundles'))
  restarts = 0
  healthy = async () => {}
})

afterEach(() => rmSync(root, { recursive: true }))

/** An archive, and the order that asks for it. */
async function bundle(
  script = '',
  change: { version?: string; node?: string } = {},
): Promise<{ sha256: string; body: object }> {
  const manifest = { version: '0.2.0', node: '20.19', ...change }
  const members = [textMember('bundle.json', JSON.stringify(manifest), 0o644), textMember('agent.mjs', script, 0o755)]
  const pieces: Uint8Array[] = []
  for await (const piece of writeTar(members)) pieces.push(piece)
  const bytes = Buffer.concat(pieces)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(root, sha256), bytes)
  return { sha256, body: { sha256, version: '0.2.0', bytes: bytes.length } }
}

function handler(): Required<OrderHandler> {
  const made = upgradeHandler(
    { bundles: folder.at(), checkArguments: ['--config', 'x'] },
    {
      fetch: async (sha256, to) => {
        await mkdir(to, { recursive: true })
        await rename(join(root, sha256), join(to, sha256))
        return join(to, sha256)
      },
      healthy: (signal) => healthy(signal),
      restart: () => {
        restarts++
      },
      logger: silentLogger,
    },
  )
  return made as Required<OrderHandler>
}

const context = (id = 'ord-1', signal = new AbortController().signal): OrderContext => ({
  id,
  key: 'agent-upgrade',
  signal,
  progress: () => {},
})

describe('an upgrade', () => {
  it('lies whole in the idle place before the launcher hears of it, and then the agent ends', async () => {
    const { body, sha256 } = await bundle()
    expect(await handler().handle('agent-upgrade', body, context())).toBe(outcomeAfterRestart)
    expect(readFileSync(folder.at('trial'), 'utf8')).toBe('ord-1 factory a 60\n')
    expect(readdirSync(folder.at('a')).sort()).toEqual(['agent.mjs', 'bundle.json', 'sha256'])
    expect([restarts, existsSync(folder.at(sha256))]).toEqual([1, false])
  })

  it('to the bundle that runs already is done at once', async () => {
    const { body } = await bundle()
    await handler().handle('agent-upgrade', body, context())
    symlinkSync('a', folder.at('current'))
    await folder.confirm()
    expect(await handler().handle('agent-upgrade', body, context('ord-2'))).toEqual({
      version: '0.2.0',
      changed: false,
    })
    expect(restarts).toBe(1)
  })

  it('is the new bundle’s to confirm, once it is healthy', async () => {
    const { body } = await bundle()
    await handler().handle('agent-upgrade', body, context())
    expect(await handler().resume('agent-upgrade', body, context())).toEqual({ version: '0.2.0', changed: true })
    expect(await folder.standing()).toMatchObject({ state: 'confirmed' })
    expect(await handler().resume('agent-upgrade', body, context())).toEqual({ version: '0.2.0', changed: true })
  })

  it('is left to the launcher where the new bundle is not healthy, or is stopped before it could tell', async () => {
    const { body } = await bundle()
    await handler().handle('agent-upgrade', body, context())
    healthy = () => Promise.reject(new LanistaError('STORE_FAULT', 'disk_full'))
    expect(await handler().resume('agent-upgrade', body, context())).toBe(outcomeAfterRestart)
    healthy = (signal) => Promise.reject(signal.reason as Error)
    expect(await handler().resume('agent-upgrade', body, context('ord-1', AbortSignal.abort()))).toBe(
      outcomeAfterRestart,
    )
    expect(await folder.standing()).toMatchObject({ state: 'trial' })
  })

  it('that was taken back has failed, and so has one that never came to a trial', async () => {
    const { body } = await bundle()
    await handler().handle('agent-upgrade', body, context())
    writeFileSync(folder.at('reason'), 'it ended 3 times before it was confirmed\n')
    await rename(folder.at('trial'), folder.at('rolled-back'))
    const told = handler().resume('agent-upgrade', body, context())
    await expect(told).rejects.toMatchObject({ code: 'UPGRADE_ROLLED_BACK', message: /ended 3 times/ })
    const other = handler().resume('agent-upgrade', body, context('ord-2'))
    await expect(other).rejects.toMatchObject({ code: 'UPGRADE_INTERRUPTED' })
  })
})

describe('nothing changes', () => {
  const unchanged = async (code: string, body: unknown): Promise<void> => {
    const told = handler().handle('agent-upgrade', body, context())
    await expect(told).rejects.toMatchObject({ code })
    expect([restarts, await folder.standing()]).toEqual([0, undefined])
  }

  it('where no launcher started the agent', async () => {
    const { body } = await bundle()
    const made = upgradeHandler(
      { bundles: undefined, checkArguments: [] },
      { fetch: async () => '', healthy, restart: () => {}, logger: silentLogger },
    )
    await expect(made.handle('agent-upgrade', body, context())).rejects.toMatchObject({ code: 'UPGRADE_UNMANAGED' })
  })

  it('for a body with mistakes', () => unchanged('ORDER_INVALID', { sha256: 'ab', version: '0.2.0', bytes: 1 }))

  it('for an older version than can read what is here', async () => {
    const { body } = await bundle()
    await unchanged('UPGRADE_REFUSED', { ...body, version: '0.0.9' })
  })

  it('for a bundle of another version than was ordered', async () =>
    unchanged('BUNDLE_INVALID', (await bundle('', { version: '0.3.0' })).body))

  it('for a bundle that this Node cannot run', async () =>
    unchanged('NODE_TOO_OLD', (await bundle('', { node: '99' })).body))

  it('for a bundle that refuses the configuration, or cannot even load', async () => {
    await unchanged('BUNDLE_REFUSED', (await bundle('console.error("no setting x"); process.exit(2)')).body)
    await unchanged('BUNDLE_REFUSED', (await bundle('import "./missing.mjs"')).body)
  })

  it('while another upgrade is not confirmed', async () => {
    const { body } = await bundle()
    await handler().handle('agent-upgrade', body, context())
    const second = handler().handle('agent-upgrade', body, context('ord-2'))
    await expect(second).rejects.toMatchObject({ code: 'BUSY' })
    expect(readFileSync(folder.at('trial'), 'utf8')).toMatch(/^ord-1 /)
  })
})
