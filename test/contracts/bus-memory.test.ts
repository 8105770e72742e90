import { expect, it } from 'vitest'
import { type Fate, MemoryBroker } from '#broker/memory.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { agentA, busContract, operator } from './bus-contract.ts'

busContract('memory', async () => {
  const broker = new MemoryBroker({ clock: systemClock, logger: silentLogger })
  return {
    connect: (role) => broker.connect(role),
    stopBroker: async () => broker.stop(),
    startBroker: async () => broker.start(),
    close: async () => broker.stop(),
  }
})

it('the fate of a message in memory is the test’s to decide: lost, repeated, overtaken', async () => {
  const clock = new FakeClock()
  const fates: Record<string, readonly number[]> = { lost: [], twice: [0, 5], late: [10], prompt: [0] }
  const fate: Fate = ({ body }) => fates[Buffer.from(body).toString()] ?? [0]
  const broker = new MemoryBroker({ clock, logger: silentLogger }, { fate })
  const [agent, listener] = [broker.connect(agentA), broker.connect(operator)]
  const heard: string[] = []
  listener.subscribe('lanista.acme.*.*.event.>', ({ body }) => heard.push(Buffer.from(body).toString()))
  await clock.advance(0)
  for (const word of ['lost', 'late', 'twice', 'prompt']) agent.publish('lanista.acme.c1.a1.event.x', Buffer.from(word))
  await clock.advance(0)
  await clock.advance(20)
  expect(heard).toEqual(['twice', 'prompt', 'twice', 'late'])
  await agent.close()
  await listener.close()
})
