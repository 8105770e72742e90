import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { crossingsOf } from './crossings.ts'
import { everyTenant, permissionsOf } from './permissions.ts'
import { smugglingTokens } from './permissions-matrix.ts'
import { intersectPatterns, isInside, parsePattern } from './subjects/pattern.ts'

const { up, down } = crossingsOf('c1')
const agent = permissionsOf({ kind: 'agent', address: { tenant: 't', cloud: 'c1', host: 'h' } })
const controller = permissionsOf({ kind: 'controller' })
const operator = permissionsOf({ kind: 'operator', tenant: everyTenant })

const crosses = (list: readonly string[], subject: string): boolean => list.some((outer) => isInside(outer, subject))
const meets = (list: readonly string[], pattern: string): boolean =>
  list.some((other) => intersectPatterns(other, pattern) !== undefined)

describe('what crosses the border of a cloud', () => {
  it('are births, results, samples, events, logs and answers upwards, orders and the controller’s words downwards', () => {
    expect(up).toEqual([
      ...['birth', 'heartbeat', 'death', 'samples'].map((kind) => `lanista.*.c1.*.${kind}`),
      ...['metric', 'event', 'log', 'reply._controller'].map((kind) => `lanista.*.c1.*.${kind}.>`),
      'lanista.*.c1._cloud.merged.>',
      'lanista.*._home._srv.>',
    ])
    expect(down).toEqual([
      'lanista.*.c1.*.order.>',
      'lanista.*.c1.*.control.>',
      'lanista.*._home._controller.state',
      'lanista.*._home._controller.death.c1.>',
      ...['PING', 'INFO', 'STATS'].flatMap((verb) =>
        ['', '.lanista-agent', '.lanista-agent.*'].map((more) => `$SRV.${verb}${more}`),
      ),
    ])
  })

  it.each(['ring.h.store.id', 'partial.cpu-5m', 'reply.h2.id'])('is never %s, whoever listens', (rest) => {
    for (const subject of [`lanista.t.c1.h.${rest}`, `lanista.t.c1.*.${rest}`]) {
      expect(meets([...up, ...down], subject)).toBe(false)
    }
  })

  it('is all that the controller or an operator may hear of an agent, and all that an agent may hear of them', () => {
    for (const said of agent.publish) {
      for (const heard of [...controller.subscribe, ...operator.subscribe]) {
        const both = intersectPatterns(said, heard)
        if (both !== undefined) expect(crosses(up, both), both).toBe(true)
      }
    }
    for (const heard of agent.subscribe) {
      for (const said of [...controller.publish, ...operator.publish]) {
        const both = intersectPatterns(said, heard)
        if (both !== undefined) expect(crosses(down, both), both).toBe(true)
      }
    }
  })

  it('never crosses twice or back: no two of all the patterns meet', () => {
    const all = [...up, ...down]
    for (const [i, pattern] of all.entries()) {
      expect(() => parsePattern(pattern)).not.toThrow()
      expect(meets(all.slice(i + 1), pattern), pattern).toBe(false)
    }
  })

  it('names the cloud wherever an agent speaks, but for answers to $SRV', () => {
    for (const pattern of up) expect(pattern).toMatch(/^lanista\.\*\.c1\.|^lanista\.\*\._home\._srv\.>$/)
    expect(meets(crossingsOf('c2').up, 'lanista.t.c1.h.birth')).toBe(false)
    expect(meets(crossingsOf('c2').down, 'lanista.t.c1.h.order.start.id')).toBe(false)
  })

  it.each([...smugglingTokens, '_home'])('is not worked out for a cloud named %j', (cloud) => {
    expect(() => crossingsOf(cloud)).toThrow(expect.objectContaining({ code: 'TOKEN_INVALID' }))
  })
})

test.each([
  ['a.*', '*.b', 'a.b'],
  ['a.>', 'a.b.c', 'a.b.c'],
  ['a.>', 'a', undefined],
  ['a.>', '*.>', 'a.>'],
  ['a.*.>', 'a.b', undefined],
  ['a.*', 'b.*', undefined],
])('%s and %s have %s in common', (one, other, both) => {
  expect(intersectPatterns(one, other)).toBe(both)
  expect(intersectPatterns(other, one)).toBe(both)
})

test('a subject matches two patterns exactly when it matches what they have in common', () => {
  const token = fc.constantFrom('a', 'b', '*')
  const pattern = fc
    .tuple(fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([tokens, isOpen]) => [...tokens, ...(isOpen ? ['>'] : [])].join('.'))
  const subject = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'))
  fc.assert(
    fc.property(pattern, pattern, subject, (one, other, text) => {
      const both = intersectPatterns(one, other)
      expect(both !== undefined && isInside(both, text)).toBe(isInside(one, text) && isInside(other, text))
    }),
    { numRuns: 2_000 },
  )
})
