/** The permission table against a real nats-server, with plain clients that have no check of their own; and the server's life. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, type NatsError } from 'nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import type { BrokerUser } from '#broker/credentials.ts'
import { NatsServer } from '#broker/nats-server.ts'
import { generateNkey, type NkeyPair } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import type { Role } from '#protocol/permissions.ts'
import { matrixAgent, matrixController, matrixOperator, permissionsMatrix } from '#protocol/permissions-matrix.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { operatorLogin } from '../contracts/bus-cast.ts'

const deps = { clock: systemClock, logger: silentLogger }
const soon = (): AbortSignal => AbortSignal.timeout(10_000)
const agentKey = generateNkey()
const peerKey = generateNkey()
const controllerKey = generateNkey()
const peerAddress = { tenant: 'acme', cloud: 'c1', host: 'web-2' }
const own = 'lanista.acme.c1.web-1'

const agentUser = (role: Role, publicKey: string): BrokerUser => {
  if (role.kind !== 'agent') throw new Error('no agent')
  return { kind: 'agent', address: role.address, publicKey }
}
const users: readonly BrokerUser[] = [
  agentUser(matrixAgent, agentKey.publicKey),
  { kind: 'agent', address: peerAddress, publicKey: peerKey.publicKey },
  { kind: 'controller', publicKey: controllerKey.publicKey },
  { kind: 'operator', tenant: 'acme', ...operatorLogin },
]

const byKey = (key: NkeyPair) => (nonce?: string) => ({ nkey: key.publicKey, sig: key.sign(Buffer.from(nonce ?? '')) })

describe('a real nats-server', () => {
  let directory: string
  let server: NatsServer
  let peer: CountedBus
  const raw = (role: Role): Promise<NatsConnection> => {
    const login =
      role.kind === 'operator'
        ? { user: operatorLogin.user, pass: operatorLogin.password }
        : { authenticator: byKey(role.kind === 'agent' ? agentKey : controllerKey) }
    return connect({ servers: server.url.slice('nats://'.length), reconnect: false, ...login })
  }

  /** What the server refuses this client from now on, as `publish subject`. */
  const refusals = (nc: NatsConnection): Set<string> => {
    const refused = new Set<string>()
    const read = async (): Promise<void> => {
      for await (const status of nc.status()) {
        const context = 'permissionContext' in status ? status.permissionContext : undefined
        if (context) refused.add(`${context.operation} ${context.subject}`)
      }
    }
    read().catch(() => {})
    return refused
  }
  const settled = async (nc: NatsConnection): Promise<void> => {
    await nc.flush()
    await new Promise((resolve) => setImmediate(resolve))
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lanista-nats-'))
    server = await NatsServer.open({ directory, host: '127.0.0.1', port: 0, users }, deps)
    const credential = { kind: 'nkey', seed: peerKey.seed, session: () => 1 } as const
    const service = { version: '1.2.3', description: 'an agent' }
    const role: Role = { kind: 'agent', address: peerAddress }
    peer = openBus({ url: server.url, role, credential, name: 'acme.c1.web-2/1.2.3', service }, deps)
    await peer.up(soon())
  })
  afterAll(async () => {
    await peer.close()
    await server.close()
    await rm(directory, { recursive: true })
  })

  it.each([matrixAgent, matrixController, matrixOperator])('holds $kind to the table', async (role) => {
    const nc = await raw(role)
    const refused = refusals(nc)
    const cases = permissionsMatrix.filter((entry) => entry.role === role)
    const subscriptionsRefused = new Set<string>()
    for (const { action, subject } of cases) {
      if (action === 'publish') nc.publish(subject, 'x')
      else {
        const callback = (error: NatsError | null): void => void (error && subscriptionsRefused.add(subject))
        nc.subscribe(subject, { callback })
      }
    }
    await settled(nc)
    expect(
      cases.map(({ action, subject }) => [
        action,
        subject,
        !(action === 'publish' ? refused.has(`publish ${subject}`) : subscriptionsRefused.has(subject)),
      ]),
    ).toEqual(cases.map(({ action, subject, allowed }) => [action, subject, allowed]))
    await nc.close()
  })

  it('gives nobody the right to publish by being answered: no self-reply hole', async () => {
    const nc = await raw(matrixAgent)
    const refused = refusals(nc)
    const forged = 'lanista.acme.c1.web-2.order.start.x'
    const orders: string[] = []
    peer.subscribe('lanista.acme.c1.web-2.order.>', ({ subject }) => orders.push(subject))
    const heard = new Promise<string | undefined>((resolve) => {
      nc.subscribe('lanista.acme.c1.*.birth', { callback: (_error, message) => resolve(message.reply) })
    })
    await nc.flush()
    nc.publish(`${own}.birth`, 'x', { reply: forged })
    expect(await heard).toBe(forged)
    nc.publish(forged, 'forged')
    await settled(nc)
    expect(refused).toContain(`publish ${forged}`)
    await peer.flush(soon())
    expect(orders).toEqual([])
    await nc.close()
  })

  it('hands on wildcards in a published subject as text, and our bus drops them', async () => {
    const nc = await raw(matrixAgent)
    const credential = { kind: 'password', ...operatorLogin } as const
    const role: Role = { kind: 'operator', tenant: 'acme' }
    const listener = openBus({ url: server.url, role, credential, name: 'operator' }, deps)
    await listener.up(soon())
    const heard: string[] = []
    const done = new Promise<void>((resolve) => {
      listener.subscribe('lanista.acme.*.*.event.>', ({ subject }) => {
        heard.push(subject)
        resolve()
      })
    })
    await listener.flush(soon())
    for (const event of ['*', '>', 'a/b', '+', '#', 'ä', 'clean']) nc.publish(`${own}.event.${event}`, 'x')
    await nc.flush()
    await done
    expect(heard).toEqual([`${own}.event.clean`])
    expect(listener.counters.malformed).toBe(6)
    await listener.close()
    await nc.close()
  })

  it('lets nobody in without a credential, with a wrong one or with another’s key', async () => {
    const servers = server.url.slice('nats://'.length)
    const logins = [
      {},
      { user: operatorLogin.user, pass: 'wrong-secret-1' },
      { authenticator: byKey(generateNkey()) },
      { authenticator: () => ({ nkey: agentKey.publicKey, sig: peerKey.sign(Buffer.from('nonce')) }) },
    ]
    for (const login of logins) await expect(connect({ servers, reconnect: false, ...login })).rejects.toThrow()
  })

  it('shows its agents to a caller of the tenant, and to no other', async () => {
    const nc = await connect({
      servers: server.url.slice('nats://'.length),
      user: operatorLogin.user,
      pass: operatorLogin.password,
      inboxPrefix: 'lanista.acme._home._srv',
      reconnect: false,
    })
    const answers: { type: string; id: string; version: string }[] = []
    const answered = new Promise<void>((resolve) => {
      nc.subscribe('lanista.acme._home._srv.me.>', {
        callback: (_error, message) => {
          answers.push(message.json())
          if (answers.length === 3) resolve()
        },
      })
    })
    for (const verb of ['PING', 'INFO', 'STATS']) {
      nc.publish(`$SRV.${verb}.lanista-agent.web-2`, '', { reply: `lanista.acme._home._srv.me.${verb}` })
    }
    await answered
    expect(answers.map(({ type, id, version }) => [type, id, version])).toEqual(
      ['ping', 'info', 'stats'].map((kind) => [`io.nats.micro.v1.${kind}_response`, 'web-2', '1.2.3']),
    )
    nc.publish('$SRV.PING', '', { reply: 'lanista.acme.c1.web-1.order.start.x' })
    await nc.flush()
    await peer.flush(soon())
    expect(peer.counters.refusedByBroker).toBe(0)
    await nc.close()
  })

  it('takes users in and throws them out while it runs, without touching the others', async () => {
    const before = peer.counters.connections
    const key = generateNkey()
    const address = { tenant: 'acme', cloud: 'c1', host: 'new-1' }
    const credential = { kind: 'nkey', seed: key.seed, session: () => 1 } as const
    await server.addUser({ kind: 'agent', address, publicKey: key.publicKey })
    const bus = openBus({ url: server.url, role: { kind: 'agent', address }, credential, name: 'new' }, deps)
    await bus.up(soon())
    const down = (async () => {
      for await (const { state } of bus.states()) if (state === 'down') return
    })()
    await server.removeUser('acme.c1.new-1')
    await down
    await bus.close()
    expect(peer.state).toBe('up')
    expect(peer.counters.connections).toBe(before)
  })

  it('keeps its configuration to itself, and tells its version', async () => {
    expect((await stat(join(directory, 'nats-server.conf'))).mode & 0o777).toBe(0o600)
    expect(server.version).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('disturbed nobody by all this', () => {
    expect(peer.state).toBe('up')
    expect(peer.counters.connections).toBe(1)
  })
})

describe('starting a nats-server', () => {
  const inFresh = async (act: (directory: string) => Promise<void>): Promise<void> => {
    const directory = await mkdtemp(join(tmpdir(), 'lanista-nats-'))
    try {
      await act(directory)
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  it('says how to get it when it is missing', () =>
    inFresh(async (directory) => {
      const opening = NatsServer.open({ directory, host: '127.0.0.1', port: 0, users, binary: 'no-such-server' }, deps)
      await expect(opening).rejects.toMatchObject({
        code: 'NATS_SERVER_MISSING',
        message: expect.stringContaining('apt-get install nats-server'),
      })
    }))

  it('says which port is taken', () =>
    inFresh(async (directory) => {
      const taken = createServer()
      const port = await new Promise<number>((resolve) => {
        taken.listen(0, '127.0.0.1', () => {
          const address = taken.address()
          resolve(typeof address === 'object' && address ? address.port : 0)
        })
      })
      const opening = NatsServer.open({ directory, host: '127.0.0.1', port, users }, deps)
      await expect(opening).rejects.toMatchObject({ code: 'PORT_IN_USE', data: { port } })
      await new Promise((resolve) => taken.close(resolve))
    }))

  it('stops the one that a killed lanista left behind', () =>
    inFresh(async (directory) => {
      const first = await NatsServer.open({ directory, host: '127.0.0.1', port: 0, users }, deps)
      const second = await NatsServer.open({ directory, host: '127.0.0.1', port: first.port, users }, deps)
      expect(await first.exited).toMatch(/^exit/)
      expect(Number(await readFile(join(directory, 'nats-server.pid'), 'utf8'))).toBe(second.pid)
      await second.close()
    }))

  it('leaves a stranger alone whose process id stands in an old pid file', () =>
    inFresh(async (directory) => {
      const stranger = spawn('sleep', ['60'])
      execFileSync('sh', ['-c', `echo ${stranger.pid} > ${directory}/nats-server.pid`])
      const server = await NatsServer.open({ directory, host: '127.0.0.1', port: 0, users }, deps)
      expect(stranger.exitCode).toBeNull()
      expect(stranger.signalCode).toBeNull()
      stranger.kill()
      await server.close()
    }))
})
