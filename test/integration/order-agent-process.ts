/**
 * An agent's orders in a process of their own, on a real journal, that kills itself where it is told to: `KEY FOLDER STEP`, the step
 * being `before:N`, `during:N` or `after:N` of the N-th write, `handler`, or `never`. Its bus is the pipe to the parent.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalChange, JournalStore } from '#agent/orders/journal-store.ts'
import { LevelJournalStore } from '#agent/orders/level-journal-store.ts'
import { OrderService } from '#agent/orders/order-service.ts'
import type { BusMessage, BusStateChange } from '#broker/bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { matchesPattern } from '#protocol/subjects/pattern.ts'

const [key = '', folder = '', step = 'never'] = process.argv.slice(2)
const [moment, count] = step.split(':')

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('still alive')
}

class MortalStore implements JournalStore {
  readonly facts: JournalStore['facts']
  readonly rows: JournalStore['rows']
  readonly #store: JournalStore
  #writes = 0

  constructor(store: JournalStore) {
    this.#store = store
    this.facts = store.facts
    this.rows = store.rows
  }

  async write(change: JournalChange): Promise<void> {
    const isLast = ++this.#writes === Number(count)
    if (isLast && moment === 'before') die()
    const written = this.#store.write(change)
    if (isLast && moment === 'during') setImmediate(die)
    await written
    if (isLast && moment === 'after') die()
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

type Handler = (message: BusMessage) => void
const handlers = new Set<{ readonly pattern: string; readonly handler: Handler }>()
process.on('message', (message: BusMessage) => {
  for (const { pattern, handler } of handlers) if (matchesPattern(pattern, message.subject)) handler(message)
})
process.on('disconnect', () => process.exit(0))

const bus = {
  publish: (subject: string, body: Uint8Array): void => {
    process.send?.({ subject, body })
  },
  subscribe: (pattern: string, handler: Handler) => {
    const entry = { pattern, handler }
    handlers.add(entry)
    return { pattern, close: () => void handlers.delete(entry) }
  },
  async *states(): AsyncIterable<BusStateChange> {
    yield { state: 'up', reason: 'a pipe' }
  },
}

const store = await LevelJournalStore.open(join(folder, 'orders'), { nowMs: () => Date.now(), logger: silentLogger })
const service = new OrderService(
  { address: { tenant: 'main', cloud: 'home', host: 'web' }, key, allow: ['*'] },
  { bus, store: new MortalStore(store), clock: systemClock, logger: silentLogger },
)
service.start([
  {
    verbs: ['work'],
    handle: async (_verb, _body, { id }) => {
      appendFileSync(join(folder, 'effects'), `${id}\n`)
      if (step === 'handler') die()
    },
  },
])
process.send?.({ subject: 'ready', body: Buffer.from(service.journal) })
