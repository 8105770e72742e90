/** The short programs of examples/, run as a reader would run them. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until, Workspace } from './workspace.ts'

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

test('one example sends orders, the other hears them', async () => {
  const { ready } = await workspace.up('--broker', 'nats')
  const { user, password } = ready.operator
  const server = ready.broker.replace('nats://', `nats://${user}:${password}@`)
  const listener = workspace.startProgram(process.execPath, ['examples/hear-orders.mjs', server])
  await until(() => listener.stdout().includes('listening'), 'the listener', 10_000, listener)

  const port = ready.carbon[0]?.split(':')[1] ?? ''
  const { code } = await workspace.startProgram(process.execPath, ['examples/send-orders.mjs', port]).ended
  expect(code).toBe(0)
  await until(() => listener.stdout().includes(': 42 orders at '), 'the order', 5_000, listener)
})
