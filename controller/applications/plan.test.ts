import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { type ApplicationFile, readApplicationFile } from './application-file.ts'
import { isNothing, planOf, wantedAfter } from './plan.ts'

const text = `application: shop
components:
  web:
    instances: { min: 1, initial: 2, max: 6 }
    image: shop/web:1.4
    lifecycle: { start: ./serve.sh, stop: ./stop.sh }
    provides: { http: { port: 8080, public: true } }
    requires: { sql: { from: db.sql, onChange: ./rewire.sh } }
    environment: { MODE: fast }
  db: { lifecycle: { start: ./run.sh }, provides: { sql: 5432 } }
monitors:
  cpu: { of: cpu.usage, component: web, function: mean, window: 1m, every: 15s }
subscriptions:
  planner: { monitor: cpu, to: { webhook: "http://127.0.0.1:9/x", secret: first } }
`

const shop = readApplicationFile(text, 'shop')
const none = new Map<string, number>()
const changed = (from: string, to: string): ApplicationFile => {
  expect(text).toContain(from)
  return readApplicationFile(text.replace(from, to), 'shop')
}

describe('a plan', () => {
  it.each<[string, string, boolean, string[]]>([
    ['max: 6', 'max: 8', false, ['instances.max 6 8']],
    ['shop/web:1.4', 'shop/web:1.5', true, ['image.tag "1.4" "1.5"']],
    ['./serve.sh', './serve.sh -v', true, ['lifecycle.start.any.commands.0 "./serve.sh" "./serve.sh -v"']],
    ['./stop.sh', './halt.sh', false, ['lifecycle.stop.any.commands.0 "./stop.sh" "./halt.sh"']],
    ['port: 8080', 'port: 8081', true, ['provides.http.port 8080 8081']],
    ['MODE: fast', 'MODE: slow', true, ['environment.MODE "fast" "slow"']],
    ['from: db.sql,', 'from: db.sql, max: 3,', false, ['requires.sql.max nothing 3']],
    ['./rewire.sh', './wire.sh', false, ['requires.sql.onChange.any.commands.0 "./rewire.sh" "./wire.sh"']],
    ['environment:', 'restart: never\n    environment:', false, ['restart.on "failure" "never"']],
    [
      'environment:',
      'volumes: ["d:/d"]\n    environment:',
      true,
      [
        'volumes.0.from.kind nothing "named"',
        'volumes.0.from.name nothing "d"',
        'volumes.0.to nothing "/d"',
        'volumes.0.isReadOnly nothing false',
      ],
    ],
  ])(
    'for %s that becomes %s says what differs, and whether instances start again: %s',
    (from, to, restarts, differences) => {
      const { steps } = planOf(
        shop,
        changed(from, to),
        new Map([
          ['web', 2],
          ['db', 1],
        ]),
      )
      expect(steps.map(({ verb, kind, name }) => `${verb} ${kind} ${name}`)).toEqual(['change component web'])
      expect(steps[0]?.restarts).toBe(restarts)
      expect(steps[0]?.differences.map(({ path, from, to }) => `${path} ${from} ${to}`)).toEqual(differences)
    },
  )

  it('wires anew without a stop only where peers are told of by onChange, before and after', () => {
    const bare = changed('{ from: db.sql, onChange: ./rewire.sh }', 'db.sql')
    const limited = changed('{ from: db.sql, onChange: ./rewire.sh }', '{ from: db.sql, max: 3 }')
    expect(planOf(bare, limited, none).steps[0]?.restarts).toBe(true)
  })

  it.each<[string, string, boolean]>([
    ['service: { run: ./a }', 'service: { run: ./b, grace: 1s }', false],
    ['service: { init: ./a }', 'service: { init: ./b }', true],
    ['members: { grace: 1s }', 'members: { grace: 2s }', false],
    ['members: true', 'parameters: []', true],
  ])('for %s that becomes %s says whether instances start again: %s', (from, to, restarts) => {
    const [before, after] = [from, to].map((part) => changed('environment:', `${part}\n    environment:`))
    expect(planOf(before, after, none).steps[0]?.restarts).toBe(restarts)
  })

  it('never shows a secret', () => {
    const { steps } = planOf(shop, changed('secret: first', 'secret: second'), none)
    expect(steps[0]?.differences).toEqual([{ path: 'secret', from: '(secret)', to: '(secret)' }])
    expect(JSON.stringify(steps)).not.toMatch(/first|second/)
  })

  it('does not mind the order of things with names', () => {
    const file = { application: 'a', components: { x: { image: 'x' }, y: { image: 'y' } } }
    const turned = { application: 'a', components: { y: { image: 'y' }, x: { image: 'x' } } }
    const plan = planOf(
      readApplicationFile(stringify(file), 'a'),
      readApplicationFile(stringify(turned), 'a'),
      new Map([
        ['x', 1],
        ['y', 1],
      ]),
    )
    expect(isNothing(plan)).toBe(true)
  })

  it('removes what is not there any more, its count too', () => {
    const { steps, wanted } = planOf(
      shop,
      undefined,
      new Map([
        ['web', 2],
        ['db', 1],
      ]),
    )
    expect(steps.map(({ verb }) => verb)).toEqual(['remove', 'remove', 'remove', 'remove'])
    expect(wanted).toEqual([
      { component: 'web', from: 2, to: null },
      { component: 'db', from: 1, to: null },
    ])
  })

  it('from any file to any other leads there: applied again there is nothing to do', () => {
    const counts = fc.record({
      min: fc.integer({ min: 0, max: 3 }),
      more: fc.integer({ min: 0, max: 3 }),
      most: fc.integer({ min: 1, max: 3 }),
    })
    const component = fc.record(
      {
        image: fc.constantFrom('x', 'y'),
        instances: counts.map(({ min, more, most }) => ({ min, initial: min + more, max: min + more + most })),
        environment: fc.dictionary(fc.constantFrom('A', 'B'), fc.string()),
      },
      { requiredKeys: ['image'] },
    )
    const file = fc
      .dictionary(fc.constantFrom('a', 'b', 'c'), component)
      .map((components) => readApplicationFile(stringify({ application: 'x', components }), 'x'))
    fc.assert(
      fc.property(file, file, fc.integer({ min: 0, max: 12 }), (before, after, count) => {
        const start = new Map(before.components.map(({ name }) => [name, count]))
        const { wanted } = planOf(before, after, start)
        const counts = new Map(start)
        for (const { component, to } of wanted) {
          if (to === null) counts.delete(component)
          else counts.set(component, to)
        }
        expect(counts).toEqual(wantedAfter(after.components, start))
        for (const { name, instances } of after.components) {
          expect(counts.get(name)).toBeGreaterThanOrEqual(instances.min)
          expect(counts.get(name)).toBeLessThanOrEqual(instances.max)
        }
        expect(isNothing(planOf(after, after, counts))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})
