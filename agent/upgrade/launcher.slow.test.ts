/** The launcher (`scripts/systemd/launch.sh`), with a stand-in for Node that says which bundle it was given. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BundleFolder } from './bundle-folder.ts'

const launcher = fileURLToPath(new URL('../../scripts/systemd/launch.sh', import.meta.url))
/** Programs that the launcher calls between what it reads and what it changes. */
const programs = ['mv', 'ln', 'rm', 'sync', 'wc', 'cat']

let root = ''
let folder: BundleFolder

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lanista-launcher-'))
  folder = new BundleFolder(join(root, 'bundles'))
  for (const slot of ['a', 'b']) {
    mkdirSync(folder.at(slot), { recursive: true })
    writeFileSync(folder.at(slot, 'agent.mjs'), '')
  }
  mkdirSync(join(root, 'bin'))
  agent('exit 1')
})

afterEach(() => rmSync(root, { recursive: true }))

/** A program in front of the real ones. */
function program(name: string, script: string): void {
  const path = join(root, 'bin', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** Starts the agent as systemd does: when it has ended, so has all that it left. Returns which bundle it was and how it went. */
async function launch(): Promise<{ readonly bundle: string; readonly signal: string | null }> {
  const env = {
    PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
    LANISTA_BUNDLES: folder.at(),
    LANISTA_NODE: join(root, 'bin', 'node'),
  }
  const said = join(root, 'said')
  writeFileSync(said, '')
  const child = spawn('/bin/sh', [launcher, 'run', said], { env, detached: true, stdio: 'ignore' })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    // nobody is left
  }
  const path = readFileSync(said, 'utf8').trim()
  return { bundle: path === '' ? 'none' : path.includes('/current/') ? 'current' : 'factory', signal }
}

/** What the agent does, whichever bundle it is. */
const agent = (script: string): void => program('node', `echo "$3" >>"$5"; ${script}`)
const begin = (gateSeconds = 60): Promise<void> =>
  folder.begin({ order: 'ord-1', from: 'factory', to: 'a', gateSeconds }, 'ab')

it('without an upgrade the factory bundle runs', async () => {
  expect((await launch()).bundle).toBe('factory')
})

it('a confirmed bundle runs from then on, and its launcher counts no more', async () => {
  await begin()
  expect((await launch()).bundle).toBe('current')
  expect(await folder.confirm()).toBe(true)
  for (let start = 0; start < 5; start++) expect((await launch()).bundle).toBe('current')
  expect(await folder.current()).toBe('a')
})

it('a second upgrade goes to the other place, and back to the first when it fails', async () => {
  await begin()
  await launch()
  await folder.confirm()
  await folder.begin({ order: 'ord-2', from: 'a', to: 'b', gateSeconds: 60 }, 'cd')
  await launch()
  expect(await folder.current()).toBe('b')
  for (let start = 0; start < 3; start++) await launch()
  expect(await folder.current()).toBe('a')
  expect(await folder.standing()).toMatchObject({ state: 'rolled-back', trial: { order: 'ord-2' } })
})

it('a bundle that ends three times before it is confirmed is taken back, with the reason', async () => {
  await begin()
  for (let start = 0; start < 3; start++) expect((await launch()).bundle).toBe('current')
  expect((await launch()).bundle).toBe('factory')
  expect(await folder.standing()).toMatchObject({
    state: 'rolled-back',
    reason: 'it ended 3 times before it was confirmed',
  })
  expect(await folder.confirm()).toBe(false)
})

it('a bundle that is not confirmed in time is ended, and taken back at the next start', async () => {
  await begin(1)
  agent('exec sleep 60')
  expect(await launch()).toMatchObject({ bundle: 'current' })
  expect(await folder.standing()).toMatchObject({ state: 'overdue', reason: 'it was not confirmed within 1 s' })
  agent('exit 1')
  expect((await launch()).bundle).toBe('factory')
  expect(await folder.standing()).toMatchObject({ state: 'rolled-back', reason: 'it was not confirmed within 1 s' })
})

it('a bundle that was confirmed in time is left alone', async () => {
  await begin(1)
  agent('mv "$LANISTA_BUNDLES/trial" "$LANISTA_BUNDLES/confirmed"; exec sleep 2')
  expect(await launch()).toEqual({ bundle: 'current', signal: null })
  expect(await folder.standing()).toMatchObject({ state: 'confirmed' })
})

it.each(['trial', 'starts', 'overdue'])('a damaged %s brings the factory bundle back', async (name) => {
  if (name !== 'trial') await begin()
  writeFileSync(folder.at(name), '\0\0 damaged\n\n\n\n')
  for (let start = 0; start < 4; start++) await launch()
  expect((await launch()).bundle).toBe('factory')
})

it('a bundle whose files are gone does not keep the agent from running', async () => {
  await begin()
  await launch()
  await folder.confirm()
  rmSync(folder.at('a'), { recursive: true })
  expect((await launch()).bundle).toBe('factory')
})

describe('a launcher that is killed before any one of its steps', () => {
  /** Kills launcher and agent at the n-th program that the launcher calls; false when it called fewer. */
  async function killedAt(step: number): Promise<boolean> {
    const count = join(root, 'count')
    writeFileSync(count, '')
    for (const name of programs) {
      const [here, there] = [join(root, 'bin'), process.env['PATH']]
      const script = `PATH=${there}; echo >>${count}; [ "$(wc -l <${count})" -ne ${step} ] || kill -KILL 0; exec ${name} "$@" #${here}`
      program(name, script)
    }
    await launch()
    for (const name of programs) rmSync(join(root, 'bin', name))
    return readFileSync(count, 'utf8').length >= step
  }

  it('starts what it was about to start', async () => {
    for (let step = 1, more = true; more; step++) {
      await begin()
      more = await killedAt(step)
      expect([step, (await launch()).bundle]).toEqual([step, 'current'])
      expect(await folder.standing()).toMatchObject({ state: 'trial' })
      rmSync(folder.at('current'))
    }
  })

  it('takes back what it was about to take back', async () => {
    for (let step = 1, more = true; more; step++) {
      await begin()
      for (let start = 0; start < 3; start++) await launch()
      more = await killedAt(step)
      expect([step, (await launch()).bundle]).toEqual([step, 'factory'])
      expect(await folder.standing()).toMatchObject({ state: 'rolled-back' })
      expect(await folder.current()).toBe('factory')
      expect(readdirSync(folder.at())).not.toContain('trial')
    }
  })
})
