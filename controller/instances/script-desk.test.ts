import { describe, expect, it } from 'vitest'
import type { OrderRow } from '#controller/orders/order-row.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceScript } from '#protocol/instances/instance-orders.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { componentsOf, ModelFleet } from './model-fleet.ts'
import { ScriptDesk } from './script-desk.ts'

/** Three members, and what each answers to what it is told. */
class Service {
  readonly fleet = new ModelFleet(
    componentsOf({
      crunch: { instances: { min: 0, initial: 3, max: 4 }, service: true },
      db: { lifecycle: { start: './run.sh' } },
    }),
    3,
  )
  readonly told: string[] = []
  /** By `host action`: why it is refused. */
  readonly refused = new Map<string, string>()
  readonly desk = new ScriptDesk({
    fleet: () => this.fleet.fleet(),
    orders: {
      call: async ({ target, body }) => {
        const { action, parameters } = body as InstanceScript
        const what = `${hostIdOf(target).slice(-2)} ${action}`
        this.told.push([what, ...(parameters ?? [])].join(' '))
        const code = this.refused.get(what)
        if (code === 'HOST_UNAVAILABLE') throw new LanistaError(code, 'nobody is there')
        return (code === undefined ? { state: 'done' } : { state: 'failed', code, reason: `found ${code}` }) as OrderRow
      },
    },
  })

  ask(script: 'run' | 'interrupt' | 'cleanup', ...parameters: string[]): Promise<unknown> {
    return this.desk.ask('shop', 'crunch', script, parameters, AbortSignal.timeout(5000))
  }
}

describe('scripts of a service', () => {
  it('begin on all members once each of them has nothing that runs', async () => {
    const service = new Service()
    service.fleet.settle()
    const all = ['shop/crunch-1', 'shop/crunch-2', 'shop/crunch-3']
    expect(await service.ask('run', 'a b')).toMatchObject({ done: all, failed: [] })
    expect(service.told).toEqual(['h1 hold', 'h2 hold', 'h3 hold', 'h1 run a b', 'h2 run a b', 'h3 run a b'])
  })

  it.each(['SCRIPT_RUNNING', 'HOST_UNAVAILABLE', 'SERVICE_NOT_RUNNING'])(
    'begin on none where a member refuses with %s, which is said with its name',
    async (code) => {
      const service = new Service()
      service.fleet.settle()
      service.refused.set('h2 hold', code)
      await expect(service.ask('run')).rejects.toMatchObject({
        code,
        message: expect.stringContaining('shop/crunch-2 on main.home.h2'),
      })
      expect(service.told.slice(3)).toEqual(['h1 release', 'h3 release'])
    },
  )

  it('are told of where they did not begin after all', async () => {
    const service = new Service()
    service.fleet.settle()
    service.refused.set('h3 cleanup', 'ORDER_UNANSWERED')
    const { done, failed } = (await service.ask('cleanup')) as { done: string[]; failed: object[] }
    expect([done, failed]).toEqual([
      ['shop/crunch-1', 'shop/crunch-2'],
      [{ name: 'shop/crunch-3', reason: 'found ORDER_UNANSWERED' }],
    ])
  })

  it('are interrupted where one runs, and not where none does', async () => {
    const service = new Service()
    service.fleet.settle()
    for (const host of ['h1', 'h3']) service.refused.set(`${host} interrupt`, 'NO_SCRIPT_RUNS')
    expect(await service.ask('interrupt')).toMatchObject({ done: ['shop/crunch-2'], failed: [] })
    service.refused.set('h2 interrupt', 'NO_SCRIPT_RUNS')
    await expect(service.ask('interrupt')).rejects.toMatchObject({ code: 'NO_SCRIPT_RUNS' })
  })

  it('are asked of services that have come up', async () => {
    const service = new Service()
    const ask = (component: string): Promise<unknown> =>
      service.desk.ask('shop', component, 'run', undefined, AbortSignal.timeout(5000))
    await expect(ask('crunch')).rejects.toMatchObject({ code: 'SERVICE_NOT_RUNNING' })
    await expect(ask('db')).rejects.toMatchObject({ code: 'SERVICE_UNKNOWN' })
    await expect(ask('web')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('shop/crunch'),
    })
    service.fleet.settle()
    const { term, instances } = service.desk.view('shop', 'crunch')
    expect([term, instances.map(({ name, role, isMember }) => `${name} ${role} ${isMember}`)]).toEqual([
      1,
      ['shop/crunch-1 master true', 'shop/crunch-2 node true', 'shop/crunch-3 node true'],
    ])
  })
})
