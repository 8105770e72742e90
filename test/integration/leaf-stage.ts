/** A hub and leaf servers for real: two clouds, two agents each, a counted link between each leaf and the hub, and a listener on everything. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, type Subscription } from 'nats'
import type { CountedBus } from '#broker/bus.ts'
import type { BrokerUser } from '#broker/credentials.ts'
import type { LeafLogin, NatsPlace } from '#broker/leaf-config.ts'
import { NatsServer } from '#broker/nats-server.ts'
import { generateNkey, type NkeyPair } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { replySubject } from '#protocol/subjects/subject.ts'
import { operatorLogin } from '../contracts/bus-cast.ts'
import { until } from '../e2e/workspace.ts'
import { LeafLink } from './leaf-link.ts'

const deps = { clock: systemClock, logger: silentLogger }
const soon = (): AbortSignal => AbortSignal.timeout(20_000)

/** A user without any lists, let in beside ours: worse than anybody we would ever let in. */
const rogueLogin = { user: 'rogue', password: 'rogue-secret-1' } as const

/** One cloud on the stage. */
export interface StageCloud {
  readonly server: NatsServer
  readonly link: LeafLink
  readonly a1: CountedBus
  readonly a2: CountedBus
  readonly keys: { readonly a1: NkeyPair; readonly a2: NkeyPair }
}

export interface LeafStage extends AsyncDisposable {
  readonly hub: NatsServer
  readonly c1: StageCloud
  readonly c2: StageCloud
  /** Of a third cloud, whose leaf server is not there: for a hostile one. */
  readonly c3: LeafLogin
  readonly controller: CountedBus
  readonly operator: CountedBus
  /** Every subject that the listener on `>` in the hub's own account has heard. */
  readonly heard: string[]
  /** That listener comes and goes; it is there at first. */
  listen(): Promise<void>
  deafen(): Promise<void>
  /** Resolves when the hub has handed the listener all it had for it. */
  settled(): Promise<void>
}

type OpenServer = (name: string, users: readonly BrokerUser[], place: NatsPlace) => Promise<NatsServer>

const clouds = ['c1', 'c2', 'c3'] as const
const loginOf = (cloud: string): LeafLogin => ({ cloud, password: `secret-of-${cloud}-0123456789` })

export async function openLeafStage(): Promise<LeafStage> {
  const closer = new Closer()
  try {
    return await build(closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function build(closer: Closer): Promise<LeafStage> {
  const directory = await mkdtemp(join(tmpdir(), 'lanista-leaves-'))
  closer.defer('folder', () => rm(directory, { recursive: true }))
  const controllerKey = generateNkey()
  const users: BrokerUser[] = [
    { kind: 'controller', publicKey: controllerKey.publicKey },
    { kind: 'operator', tenant: 'acme', ...operatorLogin },
  ]
  const place: NatsPlace = { kind: 'hub', leafPort: 0, leaves: clouds.map(loginOf) }
  const binary = await writeRogueServer(join(directory, 'rogue-nats-server'))
  const open = (name: string, users: readonly BrokerUser[], place: NatsPlace): Promise<NatsServer> =>
    NatsServer.open({ directory: join(directory, name), host: '127.0.0.1', port: 0, users, place, binary }, deps)
  const hub = closer.use('hub', await open('hub', users, place))
  const spy = await connectRogue(hub)
  closer.defer('spy', () => spy.close())
  const heard: string[] = []
  let listening: Subscription | undefined
  const listen = (): Promise<void> => {
    listening = spy.subscribe('>', { callback: (_error, message) => heard.push(message.subject) })
    return spy.flush()
  }
  const deafen = (): Promise<void> => {
    listening?.unsubscribe()
    return spy.flush()
  }
  await listen()

  const controller = closer.use(
    'controller',
    openBus(
      {
        url: hub.url,
        role: { kind: 'controller' },
        credential: { kind: 'nkey', seed: controllerKey.seed, session: () => 1 },
        name: 'controller',
      },
      deps,
    ),
  )
  const operator = closer.use(
    'operator',
    openBus(
      {
        url: hub.url,
        role: { kind: 'operator', tenant: 'acme' },
        credential: { kind: 'password', ...operatorLogin },
        name: 'operator',
      },
      deps,
    ),
  )
  await Promise.all([controller.up(soon()), operator.up(soon())])
  const c1 = await openCloud('c1', hub, open, closer)
  const c2 = await openCloud('c2', hub, open, closer)
  const stage: LeafStage = {
    hub,
    c1,
    c2,
    c3: loginOf('c3'),
    controller,
    operator,
    heard,
    listen,
    deafen,
    settled: () => spy.flush(),
    [Symbol.asyncDispose]: () => closer.close(),
  }
  for (const [name, cloud] of [['c1', c1] as const, ['c2', c2] as const]) await untilLinked(stage, name, cloud)
  return stage
}

/** Resolves once messages of this cloud reach the hub, and the hub's reach the cloud. */
export async function untilLinked(stage: LeafStage, name: string, cloud: StageCloud): Promise<void> {
  const own = `lanista.acme.${name}.a1`
  const orders = cloud.a1.subscribe(`${own}.control.>`, ({ subject, body }) => {
    cloud.a1.publish(replySubject(subject), body)
  })
  await untilAnswered(stage.controller, `${own}.control.probe`)
  orders.close()
}

/** Asks again until an answer comes: what an agent subscribes to is known at the hub a moment later than at its leaf. */
export async function untilAnswered(controller: CountedBus, prefix: string): Promise<void> {
  let n = 0
  const isAnswered = (): Promise<boolean> =>
    controller.request(`${prefix}.p${n++}`, Buffer.from('x'), { deadlineMs: 500, signal: soon() }).then(
      () => true,
      () => false,
    )
  await until(isAnswered, `answer to ${prefix}`, 20_000)
}

async function openCloud(cloud: string, hub: NatsServer, open: OpenServer, closer: Closer): Promise<StageCloud> {
  const keys = { a1: generateNkey(), a2: generateNkey() }
  const link = closer.use(`link of ${cloud}`, await LeafLink.open(hub.leafPort))
  const users = (['a1', 'a2'] as const).map(
    (host): BrokerUser => ({
      kind: 'agent',
      address: { tenant: 'acme', cloud, host },
      publicKey: keys[host].publicKey,
    }),
  )
  const place: NatsPlace = { kind: 'leaf', login: loginOf(cloud), hub: { host: '127.0.0.1', port: link.port } }
  const server = closer.use(`leaf of ${cloud}`, await open(cloud, users, place))
  const join = (host: 'a1' | 'a2'): CountedBus =>
    closer.use(
      `${cloud}.${host}`,
      openBus(
        {
          url: server.url,
          role: { kind: 'agent', address: { tenant: 'acme', cloud, host } },
          credential: { kind: 'nkey', seed: keys[host].seed, session: () => 1 },
          name: `acme.${cloud}.${host}`,
          service: { version: '1.0.0', description: 'an agent' },
        },
        deps,
      ),
    )
  const [a1, a2] = [join('a1'), join('a2')]
  await Promise.all([a1.up(soon()), a2.up(soon())])
  return { server, link, a1, a2, keys }
}

/** A nats-server that lets the rogue into its first account. */
async function writeRogueServer(path: string): Promise<string> {
  const entry = `{ user: ${rogueLogin.user}, password: "${rogueLogin.password}" }`
  const script = `#!/bin/sh\nsed -i '0,/users: \\[/s//users: [\\n${entry}/' "$2"\nexec nats-server "$@"\n`
  await writeFile(path, script, { mode: 0o700 })
  return path
}

export function connectRogue(server: NatsServer): Promise<NatsConnection> {
  return connect({
    servers: server.url.slice('nats://'.length),
    user: rogueLogin.user,
    pass: rogueLogin.password,
    reconnect: false,
  })
}
