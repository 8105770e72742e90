/** Hub and leaves for real: what crosses a leaf link and what does not, who can forge what, and what a cut does. */
import { connect } from 'nats'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { replySubject } from '#protocol/subjects/subject.ts'
import { operatorLogin } from '../contracts/bus-cast.ts'
import { until } from '../e2e/workspace.ts'
import { connectRogue, type LeafStage, openLeafStage, untilAnswered, untilLinked } from './leaf-stage.ts'
import { RawLeaf } from './raw-leaf.ts'

const kib = Buffer.alloc(1024, 'x')
const one = Buffer.from('1')
const own = 'lanista.acme.c1.a1'
const peer = 'lanista.acme.c1.a2'
const soon = (): AbortSignal => AbortSignal.timeout(20_000)
const limit = (): { deadlineMs: number; signal: AbortSignal } => ({ deadlineMs: 15_000, signal: soon() })
const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `i${i}`)
/** A link that idles: pings, and what a client’s coming and going tells the hub. Bytes. */
const idleBytesMax = 512

let stage: LeafStage
beforeAll(async () => {
  stage = await openLeafStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Answers what is asked, with a body as long as the question's. */
function answer(bus: CountedBus, pattern: string): void {
  bus.subscribe(pattern, ({ subject, body }) => bus.publish(replySubject(subject), body))
}

/** Everything said before has reached the listener at the hub: the marker is said last, by the same agent. */
async function heardAll(...buses: readonly (readonly [CountedBus, string])[]): Promise<void> {
  for (const [bus, prefix] of buses) {
    const marker = `${prefix}.event.marker-${performance.now().toFixed(3).replace('.', '-')}`
    bus.publish(marker, one)
    await until(() => stage.heard.includes(marker), marker, 20_000)
  }
  await stage.settled()
}

describe('with a listener on > at the hub', () => {
  beforeAll(async () => {
    answer(stage.c1.a2, `${peer}.ring.>`)
    await stage.c1.a2.flush(soon())
    await stage.c1.a1.request(`${peer}.ring.a1.store.first`, kib, limit())
    await heardAll([stage.c1.a1, own], [stage.c1.a2, peer])
  })
  beforeEach(() => {
    stage.heard.length = 0
    for (const { link } of [stage.c1, stage.c2]) link.reset()
  })

  it('500 ring requests and replies and 500 partials of 1 KiB stay inside the cloud', async () => {
    const { a1, a2, link } = stage.c1
    let partials = 0
    const sub = a2.subscribe('lanista.acme.c1.*.partial.>', () => partials++)
    await a2.flush(soon())
    await Promise.all(ids(500).map((id) => a1.request(`${peer}.ring.a1.store.${id}`, kib, limit())))
    for (const id of ids(500)) a1.publish(`${own}.partial.${id}`, kib)
    await until(() => partials === 500, '500 partials', 20_000)
    const [bytes, text] = [link.bytes, link.text]
    expect(bytes).toBeLessThan(idleBytesMax)
    expect(text).not.toMatch(/LMSG|HMSG/)
    sub.close()

    await heardAll([a1, own], [a2, peer])
    expect(stage.heard.filter((subject) => /ring|partial|reply/.test(subject))).toEqual([])
    expect(stage.c2.link.bytes).toBeLessThan(idleBytesMax)
  })

  it('births, heartbeats, samples, metrics, merged partials, events and logs cross once', async () => {
    const { a1, link } = stage.c1
    const said = [
      ...['birth', 'heartbeat', 'samples', 'metric.cpu.usage', 'event.started', 'log.web-0'].flatMap((kind) =>
        ids(100).map((id) => `${own}.${kind}${kind.includes('.') ? `.${id}` : ''}`),
      ),
      'lanista.acme.c1._cloud.metric.cpu-5m',
      'lanista.acme.c1._cloud.merged.cpu-5m',
      `${own}.death`,
    ]
    for (const subject of said) a1.publish(subject, one)
    await heardAll([a1, own])
    expect(stage.heard.filter((subject) => !subject.includes('marker'))).toEqual(said)
    expect(link.text.match(/LMSG /g)).toHaveLength(said.length + 1)
    expect(stage.c2.link.bytes).toBeLessThan(idleBytesMax)
  })

  it('orders and acknowledgements cross once, and so do the answers', async () => {
    const { a1, link } = stage.c1
    const taken: string[] = []
    const subs = ['order', 'control'].map((kind) =>
      a1.subscribe(`${own}.${kind}.>`, ({ subject, body }) => {
        taken.push(subject)
        a1.publish(replySubject(subject), body)
      }),
    )
    await a1.flush(soon())
    for (const kind of ['order', 'control']) await untilAnswered(stage.controller, `${own}.${kind}.probe`)
    link.reset()
    taken.length = 0
    const asked = ids(50).map((id) => `${own}.order.start.${id}`)
    const answers = await Promise.all(asked.map((subject) => stage.controller.request(subject, one, limit())))
    stage.controller.publish(`${own}.control.ack.last`, one)
    await until(() => taken.length === 51, '51 orders', 10_000)
    expect(answers.map(String)).toEqual(asked.map(() => '1'))
    expect(taken).toEqual([...asked, `${own}.control.ack.last`])
    expect(stage.c2.link.text).not.toMatch(/LMSG|HMSG/)
    for (const sub of subs) sub.close()
  })

  it('an operator at the hub hears the cloud, and finds its agents by $SRV.PING', async () => {
    const metrics: string[] = []
    stage.operator.subscribe('lanista.acme.*.*.metric.>', ({ subject }) => metrics.push(subject))
    await stage.operator.flush(soon())
    stage.c1.a1.publish(`${own}.metric.cpu`, one)
    stage.c2.a2.publish('lanista.acme.c2.a2.metric.cpu', one)
    await until(() => metrics.length === 2, 'two metrics', 10_000)
    expect(metrics.sort()).toEqual([`${own}.metric.cpu`, 'lanista.acme.c2.a2.metric.cpu'])

    const nc = await connect({
      servers: stage.hub.url.slice('nats://'.length),
      user: operatorLogin.user,
      pass: operatorLogin.password,
      reconnect: false,
    })
    const found = new Set<string>()
    nc.subscribe('lanista.acme._home._srv.me.>', {
      callback: (_error, message) => found.add(message.json<{ id: string }>().id),
    })
    await nc.flush()
    const pings: number[] = []
    nc.subscribe('lanista.acme._home._srv.all.>', { callback: () => pings.push(1) })
    await nc.flush()
    await until(
      async () => {
        nc.publish('$SRV.PING.lanista-agent.a2', '', { reply: 'lanista.acme._home._srv.me.x' })
        nc.publish('$SRV.PING', '', { reply: 'lanista.acme._home._srv.all.x' })
        await nc.flush()
        return found.size > 0 && pings.length >= 4
      },
      'answers of the agents',
      10_000,
    )
    expect([...found]).toEqual(['a2'])
    await nc.close()
  })
})

describe('an absent host is told at once', () => {
  const early = async (asking: Promise<Uint8Array>): Promise<void> => {
    await expect(asking).rejects.toMatchObject({ code: 'NO_ONE_THERE' }) // and not TIMED_OUT, or the signal's reason
  }
  const patient = (): { deadlineMs: number; signal: AbortSignal } => ({
    deadlineMs: 60_000,
    signal: AbortSignal.timeout(60_000),
  })

  it('inside the cloud, also under a listener on > at the hub', async () => {
    await early(stage.c1.a1.request('lanista.acme.c1.gone.ring.a1.store.n1', one, patient()))
  })

  it('across the link, when nobody at the hub listens to orders', async () => {
    await stage.deafen()
    for (const [i, kind] of ['order', 'control'].entries()) {
      await early(stage.controller.request(`lanista.acme.c1.gone.${kind}.start.n${i}`, one, patient()))
    }
    await early(stage.controller.request('lanista.acme.c9.gone.control.query.n9', one, patient()))
    await stage.listen()
  })
})

describe('a cut link', () => {
  it('leaves the ring inside going on, and everything is back after healing', async () => {
    const { a1, a2, link } = stage.c1
    await stage.deafen()
    link.cut()
    let n = 0
    const isOutOfReach = (): Promise<boolean> =>
      stage.controller.request(`${own}.control.query.cut${n++}`, one, { deadlineMs: 500, signal: soon() }).then(
        () => false,
        (error: unknown) => isLanistaError(error) && error.code === 'NO_ONE_THERE',
      )
    await until(isOutOfReach, 'word that the cloud is out of reach', 20_000)
    await stage.listen()
    await Promise.all(ids(20).map((id) => a1.request(`${peer}.ring.a1.cut.${id}`, kib, limit())))
    expect([a1.state, a2.state]).toEqual(['up', 'up'])

    link.heal()
    await untilLinked(stage, 'c1', stage.c1)
    stage.heard.length = 0
    a1.publish(`${own}.samples`, one)
    await heardAll([a1, own])
    expect(stage.heard).toContain(`${own}.samples`)
    link.reset()
    await Promise.all(ids(50).map((id) => a1.request(`${peer}.ring.a1.healed.${id}`, kib, limit())))
    expect(link.text).not.toMatch(/LMSG|HMSG/)
  })
})

describe('who can speak for whom', () => {
  const foreign = [
    'lanista.acme.c1.a1.birth',
    'lanista.acme.c1.a1.samples',
    'lanista.acme.c1.a1.order.start.f1',
    'lanista.acme.c1.a1.control.ack.f2',
    'lanista.acme.c1.a1.ring.a2.store.f3',
    'lanista.acme.c1.a2.reply.a1.f4',
    'lanista.acme.c1.a2.partial.f5',
    'lanista.acme.c1.a1.reply._controller.f6',
    'lanista.acme._home._controller.state',
    'lanista.acme._home._controller.death.c1.a1',
    'lanista.acme.home.h1.birth',
    '$SRV.PING',
  ]
  /** All that anybody in the cloud c1 hears from now on. */
  const listenInC1 = async (): Promise<{ subjects: string[]; stop(): Promise<void> }> => {
    const nc = await connectRogue(stage.c1.server)
    const subjects: string[] = []
    nc.subscribe('>', { callback: (_error, message) => subjects.push(message.subject) })
    await nc.flush()
    return { subjects, stop: () => nc.close() }
  }

  it('an agent’s credential on a leaf is held to its table there', async () => {
    const key = stage.c2.keys.a1
    const nc = await connect({
      servers: stage.c2.server.url.slice('nats://'.length),
      authenticator: (nonce) => ({ nkey: key.publicKey, sig: key.sign(Buffer.from(nonce ?? '')) }),
      reconnect: false,
    })
    const refused = new Set<string>()
    const read = async (): Promise<void> => {
      for await (const status of nc.status()) {
        if ('permissionContext' in status && status.permissionContext) refused.add(status.permissionContext.subject)
      }
    }
    read().catch(() => undefined)
    for (const subject of foreign) nc.publish(subject, 'forged')
    await nc.flush()
    await until(() => refused.size === foreign.length, 'refusals', 10_000)
    expect([...refused].sort()).toEqual([...foreign].sort())
    await nc.close()
  })

  it('a client without any lists on a leaf reaches its own cloud and nobody else', async () => {
    stage.heard.length = 0
    const inside = await listenInC1()
    const nc = await connectRogue(stage.c2.server)
    const overheard: string[] = []
    nc.subscribe('>', { callback: (_error, message) => overheard.push(message.subject) })
    await nc.flush()
    for (const subject of foreign) nc.publish(subject, 'forged')
    nc.publish('lanista.acme.c2.a1.event.own', 'own')
    await until(() => stage.heard.includes('lanista.acme.c2.a1.event.own'), 'its own cloud’s event', 10_000)
    await heardAll([stage.c1.a1, own])
    expect(stage.heard.filter((subject) => !/marker|event\.own/.test(subject))).toEqual([])
    expect(inside.subjects.filter((subject) => !subject.includes('marker'))).toEqual([])
    stage.controller.publish(`${own}.order.start.secret`, one)
    await stage.controller.flush(soon())
    await until(() => inside.subjects.includes(`${own}.order.start.secret`), 'the order in c1', 10_000)
    await nc.flush()
    expect(overheard.filter((subject) => !subject.includes('c2') && !foreign.includes(subject))).toEqual([])
    await nc.close()
    await inside.stop()
  })

  it('a hostile leaf server reaches nobody outside its own cloud, and hears nothing of it', async () => {
    const inside = await listenInC1()
    const hostile = await RawLeaf.connect(stage.hub.leafPort, { user: '_leaf.c3', pass: stage.c3.password })
    for (const pattern of ['>', 'lanista.>', 'lanista.acme.c1.>', `${own}.order.>`, '$SRV.>', '$SYS.>'])
      hostile.subscribe(pattern)
    await hostile.settle()
    stage.heard.length = 0
    for (const subject of foreign) hostile.publish(subject)
    hostile.publish('lanista.acme.c3.x1.birth') // its own cloud: heard, so the protocol is spoken rightly
    await hostile.settle()
    await until(() => stage.heard.includes('lanista.acme.c3.x1.birth'), 'the birth of its own cloud', 10_000)

    stage.c1.a1.publish(`${own}.birth`, one)
    stage.controller.publish(`${own}.order.start.secret2`, one)
    stage.controller.publish('lanista.acme._home._controller.state', one)
    await until(() => inside.subjects.includes(`${own}.order.start.secret2`), 'the order in c1', 10_000)
    await heardAll([stage.c1.a1, own])
    await hostile.settle()
    const real = [`${own}.birth`, `${own}.order.start.secret2`, 'lanista.acme._home._controller.state']
    const expected = [...real, 'lanista.acme.c3.x1.birth'].sort()
    expect(stage.heard.filter((subject) => !subject.includes('marker')).sort()).toEqual(expected)
    expect(new Set(inside.subjects.filter((subject) => !subject.includes('marker')))).toEqual(new Set(real))
    const notForAll = hostile.subjects.filter((s) => !/c3|_controller\.state$|^\$SRV|^\$LDS|^\$NRG/.test(s))
    expect(notForAll).toEqual([])
    hostile.close()
    await inside.stop()
  })

  it('nobody but a leaf opens a leaf link, and a leaf’s login opens nothing else', async () => {
    const logins = [
      { user: operatorLogin.user, pass: operatorLogin.password },
      { user: '_leaf.c3', pass: 'wrong-secret-0123456789' },
      {},
    ]
    for (const login of logins) {
      const leaf = await RawLeaf.connect(stage.hub.leafPort, login)
      expect(leaf.isClosed).toBe(true)
      expect(leaf.errors.join()).toMatch(/Authorization Violation|Permissions|type/i)
    }
    const servers = stage.hub.url.slice('nats://'.length)
    const asClient = connect({ servers, user: '_leaf.c3', pass: stage.c3.password, reconnect: false })
    await expect(asClient).rejects.toThrow(/Authorization/i)
  })
})

describe('a cloud of many hosts', () => {
  it('has more subscriptions than one client may, and the link holds', async () => {
    stage.c1.link.reset()
    const buses = [stage.c1.a1, stage.c1.a2] as const
    const subs = buses.flatMap((bus) =>
      ids(200).map((id) =>
        bus.subscribe(`lanista.acme.c1.*.partial.m.${id}.${bus === stage.c1.a1 ? 1 : 2}`, () => undefined),
      ),
    )
    await Promise.all(buses.map((bus) => bus.flush(soon())))
    await until(() => (stage.c1.link.text.match(/LS\+ /g) ?? []).length >= 400, '400 subscriptions on the link', 10_000)
    await heardAll([stage.c1.a1, own])
    expect(stage.c1.link.text).not.toContain('-ERR')
    for (const sub of subs) sub.close()
  })
})

describe('users that come while all is linked', () => {
  it('are let in at the hub and at a leaf, and no link is cut', async () => {
    const joins = [stage.c1.link.joins, stage.c2.link.joins]
    const key = generateNkey()
    const address = { tenant: 'acme', cloud: 'c2', host: 'new' }
    await stage.hub.addUser({ kind: 'operator', tenant: 'acme', user: 'otto', password: 'otto-secret-1' })
    await stage.c2.server.addUser({ kind: 'agent', address, publicKey: key.publicKey })
    await using fresh = new Closer()
    const deps = { clock: systemClock, logger: silentLogger }
    const nkey = { kind: 'nkey', seed: key.seed, session: () => 1 } as const
    const agent = openBus(
      { url: stage.c2.server.url, role: { kind: 'agent', address }, credential: nkey, name: 'new' },
      deps,
    )
    const password = { kind: 'password', user: 'otto', password: 'otto-secret-1' } as const
    const role = { kind: 'operator', tenant: 'acme' } as const
    const otto = openBus({ url: stage.hub.url, role, credential: password, name: 'otto' }, deps)
    fresh.use('agent', agent)
    fresh.use('otto', otto)
    await Promise.all([agent.up(soon()), otto.up(soon())])
    const births: string[] = []
    otto.subscribe('lanista.acme.*.*.birth', ({ subject }) => births.push(subject))
    answer(agent, 'lanista.acme.c2.new.order.>')
    await Promise.all([agent.flush(soon()), otto.flush(soon())])
    await until(
      () => {
        agent.publish('lanista.acme.c2.new.birth', one)
        return births.includes('lanista.acme.c2.new.birth')
      },
      'the birth of the new agent',
      20_000,
    )
    expect(String(await stage.controller.request('lanista.acme.c2.new.order.start.n1', one, limit()))).toBe('1')
    expect([stage.c1.link.joins, stage.c2.link.joins]).toEqual(joins)
  })
})
