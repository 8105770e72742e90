import { describe, expect, it } from 'vitest'
import type { HostView } from '#controller/presence/host-view.ts'
import { Stage } from '#controller/stage.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'

const heartbeatIntervalMs = 1000

function brief(hosts: readonly HostView[]): string[] {
  return hosts.map((host) => `${host.cloud}.${host.id} ${host.state} ${host.session}`)
}

describe('presence', () => {
  it('lists a host as its birth and heartbeats describe it', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.birth(100)
    web.heartbeat(100, clock.now() + 250)
    await clock.advance(0)
    expect(controller.hosts()).toEqual([
      {
        id: 'web',
        tenant: 'main',
        cloud: 'home',
        state: 'online',
        session: 100,
        version: '1.2.3',
        pid: 4242,
        carbon: '127.0.0.1:2003',
        labels: { rack: 'r1' },
        inventory: { os: 'linux', cores: 2 },
        last_seen_ms: clock.now(),
        skew_ms: 250,
        lag_samples: 7,
        dropped: 3,
        store_fault: null,
        monitors: null,
        samples_per_second: 0,
        vitals: { cpu: null, memory: null, disk: null, network: null },
      },
    ])
  })

  it('notices silence, tells the death, and ignores an older session', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.birth(100)
    await clock.advance(0)
    await clock.advance(2600)
    expect(brief(controller.hosts())).toEqual(['home.web suspect 100'])
    await clock.advance(2000)
    expect(brief(controller.hosts())).toEqual(['home.web offline 100'])
    expect(web.heard).toContainEqual([
      'lanista.main._home._controller.death.home.web',
      { session: 100, reason: expect.stringContaining('silent') },
    ])
    web.birth(101)
    web.say('death', { session: 100, reason: 'late will' })
    await clock.advance(0)
    expect(brief(controller.hosts())).toEqual(['home.web online 101'])
  })

  it('asks a host for its birth when it hears a heartbeat without one', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.heartbeat(100, clock.now())
    await clock.advance(0)
    expect(web.heard.map(([subject]) => subject)).toContainEqual(
      expect.stringMatching(/^lanista\.main\.home\.web\.control\.birth\./),
    )
    expect(brief(controller.hosts())).toEqual(['home.web online 100'])
  })

  it('keeps a heartbeat that overtook the birth of its session', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.heartbeat(100, clock.now())
    web.birth(100)
    await clock.advance(0)
    expect(controller.hosts()).toMatchObject([{ lag_samples: 7 }])
    web.birth(101)
    await clock.advance(0)
    expect(controller.hosts()).toMatchObject([{ lag_samples: null }])
  })

  it('tells its state at its start, every half minute, and to who is born', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const web = await stage.agent('main.home.web')
    const controller = await stage.controller({ heartbeatIntervalMs })
    await clock.advance(0)
    const states = (): unknown[] => web.heard.filter(([subject]) => subject.endsWith('.state')).map(([, body]) => body)
    const session = Math.floor(clock.now() / 1000)
    expect(states()).toEqual([{ session, nowMs: clock.now(), heartbeatIntervalMs }])
    await clock.advance(30_000)
    expect(states()).toHaveLength(2)
    web.birth(100)
    await clock.advance(0)
    expect(states()).toHaveLength(3)
    await controller.close()
    await stage.controller({ heartbeatIntervalMs })
    await clock.advance(0)
    expect(states().at(-1)).toMatchObject({ session: session + 30 })
  })

  it('knows hosts again after its restart: the dead as offline, the others as unknown until they speak', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const first = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    const db = await stage.agent('main.local-1.db')
    web.birth(100)
    db.birth(200)
    db.say('death', { session: 200, reason: 'stopped' })
    await clock.advance(0)
    await first.close()

    const second = await stage.controller({ heartbeatIntervalMs })
    await clock.advance(0)
    expect(brief(second.hosts())).toEqual(['home.web unknown 100', 'local-1.db offline 200'])
    expect(second.hosts()[0]).toMatchObject({ pid: 4242, labels: { rack: 'r1' } })
    web.heartbeat(100, clock.now())
    await clock.advance(0)
    expect(brief(second.hosts())).toEqual(['home.web online 100', 'local-1.db offline 200'])
  })

  it('calls hosts unknown, not offline, while it is cut off itself', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.birth(100)
    await clock.advance(0)
    stage.broker.stop()
    await clock.advance(60_000)
    expect(brief(controller.hosts())).toEqual(['home.web unknown 100'])
    stage.broker.start()
    await clock.advance(0)
    web.heartbeat(100, clock.now())
    await clock.advance(0)
    expect(brief(controller.hosts())).toEqual(['home.web online 100'])
  })

  it('forgets a host that has been gone for long enough, also on disk', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const first = await stage.controller({ heartbeatIntervalMs, hostRetentionMs: 600_000 })
    const web = await stage.agent('main.home.web')
    web.birth(100)
    await clock.advance(0)
    await clock.advance(400_000)
    expect(brief(first.hosts())).toEqual(['home.web offline 100'])
    await clock.advance(300_000)
    expect(first.hosts()).toEqual([])
    await first.close()
    expect((await stage.controller()).hosts()).toEqual([])
  })

  it('is not disturbed by bodies that are none', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    const web = await stage.agent('main.home.web')
    web.say('birth', { session: -1 })
    web.say('heartbeat', [])
    web.say('death', {})
    web.birth(100)
    await clock.advance(0)
    expect(brief(controller.hosts())).toEqual(['home.web online 100'])
  })

  it('shows the operator the hosts of the own tenant only', async () => {
    const clock = new FakeClock()
    await using stage = await Stage.open(clock)
    const controller = await stage.controller({ heartbeatIntervalMs })
    ;(await stage.agent('other.home.web')).birth(100)
    await clock.advance(0)
    expect(controller.hosts()).toEqual([])
  })
})
