/** Round trip and throughput of the bus on its three forms; memory is the baseline of the other two. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bench, describe } from 'vitest'
import type { Role } from '#protocol/permissions.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { CountedBus } from './bus.ts'
import type { BrokerUser } from './credentials.ts'
import { EmbeddedBroker } from './embedded.ts'
import { MemoryBroker } from './memory.ts'
import { NatsServer } from './nats-server.ts'
import { generateNkey } from './nkey.ts'
import { openBus } from './open-bus.ts'

const deps = { clock: systemClock, logger: silentLogger }
const signal = new AbortController().signal
const keys = [generateNkey(), generateNkey()] as const
const addressOf = (i: 0 | 1) => ({ tenant: 'acme', cloud: 'c1', host: `h${i}` })
const users: readonly BrokerUser[] = ([0, 1] as const).map((i) => ({
  kind: 'agent',
  address: addressOf(i),
  publicKey: keys[i].publicKey,
}))

interface Form {
  connect(i: 0 | 1): CountedBus
  close(): Promise<void>
}

const dialled = (url: string, close: () => Promise<void>): Form => ({
  connect: (i) => {
    const role: Role = { kind: 'agent', address: addressOf(i) }
    return openBus(
      { url, role, credential: { kind: 'nkey', seed: keys[i].seed, session: () => 1 }, name: 'bench' },
      deps,
    )
  },
  close,
})

/** Memory last: vitest does not wait for the last teardown, and a child process would be left behind. */
const forms: Record<string, () => Promise<Form>> = {
  'nats-server': async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lanista-bench-'))
    const server = await NatsServer.open({ directory, host: '127.0.0.1', port: 0, users }, deps)
    return dialled(server.url, async () => {
      await server.close()
      await rm(directory, { recursive: true })
    })
  },
  'embedded MQTT': async () => {
    const broker = await EmbeddedBroker.open({ host: '127.0.0.1', port: 0 }, deps)
    for (const user of users) await broker.addUser(user)
    return dialled(broker.url, () => broker.close())
  },
  memory: async () => {
    const broker = new MemoryBroker(deps)
    return {
      connect: (i) => broker.connect({ kind: 'agent', address: addressOf(i) }),
      close: async () => broker.stop(),
    }
  },
}

const burst = 1000
const body = new Uint8Array(200)

/** Two agents on one form: `asker` talks, `other` answers and listens. */
class Rig {
  readonly #open: () => Promise<Form>
  #form: Form | undefined
  #buses: readonly CountedBus[] = []
  #heard = 0
  #id = 0
  #onBurst: () => void = () => {}

  constructor(open: () => Promise<Form>) {
    this.#open = open
  }

  /** Once: warm-up and measurement use the same. */
  async open(): Promise<void> {
    if (this.#form) return
    this.#form = await this.#open()
    const [asker, other] = [this.#form.connect(0), this.#form.connect(1)]
    this.#buses = [asker, other]
    await Promise.all([asker.up(signal), other.up(signal)])
    other.subscribe('lanista.acme.c1.h1.ring.>', ({ subject }) => {
      other.publish(`lanista.acme.c1.h1.reply.h0.${subject.split('.').at(-1)}`, body)
    })
    other.subscribe('lanista.acme.c1.*.partial.>', () => {
      if (++this.#heard % burst === 0) this.#onBurst()
    })
    await other.flush(signal)
  }

  async roundTrip(): Promise<void> {
    await this.#buses[0]?.request(`lanista.acme.c1.h1.ring.h0.read.r${this.#id++}`, body, { signal, deadlineMs: 5_000 })
  }

  burst(): Promise<void> {
    return new Promise((resolve) => {
      this.#onBurst = resolve
      for (let i = 0; i < burst; i++) this.#buses[0]?.publish('lanista.acme.c1.h0.partial.cpu', body)
    })
  }

  async close(): Promise<void> {
    for (const bus of this.#buses) await bus.close()
    await this.#form?.close()
  }
}

const measure = (name: string, act: (rig: Rig) => Promise<void>): void => {
  describe(name, () => {
    for (const [form, open] of Object.entries(forms)) {
      const rig = new Rig(open)
      const run = async (): Promise<void> => await act(rig)
      bench(form, run, {
        setup: () => rig.open(),
        teardown: async (_task, mode) => {
          if (mode === 'run') await rig.close()
        },
      })
    }
  })
}

measure('one request and its answer', (rig) => rig.roundTrip())
measure(`${burst} messages of ${body.length} bytes, published and heard`, (rig) => rig.burst())
