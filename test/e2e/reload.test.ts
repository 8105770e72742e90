/** A running agent takes changed sensors on SIGHUP, and passes over a configuration with mistakes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { firstLine, Workspace } from './workspace.ts'

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

test('an agent reloads its sensors without a restart', async () => {
  const path = join(workspace.folder, 'agent.json')
  const write = (config: object): void => {
    const common = { data: join(workspace.folder, 'agent'), host: 'alone', carbon: { port: 0 }, defaultSensors: false }
    writeFileSync(path, JSON.stringify({ ...common, ...config }))
  }
  write({ sensors: [] })
  const agent = workspace.start(['agent', 'run', '--config', path, '--json'])
  const { pid } = JSON.parse(await firstLine(agent)) as { pid: number }
  const reload = async (event: string): Promise<void> => {
    process.kill(pid, 'SIGHUP')
    await workspace.until(() => agent.stderr().includes(event), event, 10_000)
  }

  write({ sensors: [{ sensor: 'no-such-sensor' }] })
  await reload('config_refused')
  write({ sensors: [{ sensor: 'load', intervalMs: 200 }], labels: { tier: 'web' } })
  await reload('config_reloaded')
  expect(agent.stderr()).toContain('"needsRestart":["labels"]')
})
