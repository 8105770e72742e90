import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { smugglingTokens } from '#protocol/permissions-matrix.ts'
import { filterOf, patternOfFilter, subjectOfTopic, topicOf } from './mqtt.ts'
import { isInside, matchesPattern, parsePattern } from './pattern.ts'
import {
  buildSubject,
  controllerHost,
  homeCloud,
  hostIdOf,
  kinds,
  metricNameOf,
  metricSubject,
  parseAgentId,
  parseHostId,
  parseSubject,
  replySubject,
} from './subject.ts'
import { decodeMetricName, encodeMetricName, encodeMetricPattern, isToken, parseId } from './token.ts'

const alphabet = 'ABCXYZabcxyz0189_-'
const token = fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: 1, maxLength: 64 })
const address = fc.record({ tenant: token, cloud: token, host: token })
const web = { tenant: 'acme', cloud: 'c1', host: 'web-1' }

const failsWith = (code: string) => expect.objectContaining({ code })

describe('a subject', () => {
  it('is parsed back into what it was built from', () => {
    fc.assert(
      fc.property(address, fc.constantFrom(...kinds), fc.array(token, { maxLength: 4 }), (address, kind, rest) => {
        expect(parseSubject(buildSubject(address, kind, ...rest))).toEqual({ address, kind, rest })
      }),
    )
  })

  it.each(smugglingTokens)('is refused with the token %j anywhere', (bad) => {
    for (const address of [
      { ...web, tenant: bad },
      { ...web, cloud: bad },
      { ...web, host: bad },
    ]) {
      expect(() => buildSubject(address, 'birth')).toThrow(failsWith('SUBJECT_INVALID'))
      expect(() => buildSubject(address, 'metric', 'a')).toThrow(failsWith('SUBJECT_INVALID'))
    }
    if (bad !== 'a.b') expect(() => buildSubject(web, 'event', bad)).toThrow(failsWith('SUBJECT_INVALID'))
    if (bad !== 'a.b')
      expect(() => parseSubject(`lanista.acme.c1.web-1.event.${bad}`)).toThrow(failsWith('SUBJECT_INVALID'))
    expect(() => buildSubject(web, 'order', 'start', bad)).toThrow(failsWith('SUBJECT_INVALID'))
  })

  it.each([
    '',
    'lanista',
    'lanista.a.b.c',
    'other.a.b.c.birth',
    'lanista.a.b.c.nonsense',
    'lanista.a.b.c.*',
    'lanista..b.c.birth',
    'lanista.a.b.c.birth.',
  ])('is refused as %j', (text) => expect(() => parseSubject(text)).toThrow(failsWith('SUBJECT_INVALID')))

  it('is at most 1,024 bytes', () => {
    const names = Array.from({ length: 20 }, () => 'x'.repeat(60))
    expect(() => buildSubject(web, 'event', ...names)).toThrow(/at most 1024 bytes/)
    expect(() => parseSubject(`lanista.acme.c1.web-1.event.${names.join('.')}`)).toThrow(/at most 1024 bytes/)
  })

  it('is at most 100 tokens, which is what an MQTT broker of ours can match', () => {
    const deepest = Array.from({ length: 95 }, () => 'a')
    const subject = buildSubject(web, 'metric', ...deepest)
    expect(parseSubject(subject).rest).toEqual(deepest)
    expect(() => buildSubject(web, 'metric', ...deepest, 'a')).toThrow(/at most 100 tokens/)
    expect(() => parseSubject(`${subject}.a`)).toThrow(/at most 100 tokens/)
  })

  it.each([
    ['lanista.acme.c1.web-1.order.start.id7', 'lanista.acme.c1.web-1.reply._controller.id7'],
    ['lanista.acme.c1.web-1.control.birth.id7', 'lanista.acme.c1.web-1.reply._controller.id7'],
    ['lanista.acme.c1.web-1.ring.web-2.store.id7', 'lanista.acme.c1.web-1.reply.web-2.id7'],
  ])('%s is answered on %s', (request, reply) => expect(replySubject(request)).toBe(reply))

  it.each([
    'lanista.acme.c1.web-1.birth',
    'lanista.acme.c1.web-1.order.start',
    'lanista.acme.c1.web-1.ring.web-2.id',
    'lanista.acme.c1.web-1.order.a.b.c',
  ])('%s asks nothing', (subject) => expect(() => replySubject(subject)).toThrow(failsWith('SUBJECT_INVALID')))
})

describe('a host id', () => {
  it('is T.C.H and nothing else', () => {
    fc.assert(
      fc.property(address, (address) => {
        expect(parseHostId(hostIdOf(address))).toEqual(address)
      }),
    )
    for (const bad of ['', 'a.b', 'a.b.c.d', 'a..c', 'a.b.*', 'a/b/c']) {
      expect(() => parseHostId(bad)).toThrow(failsWith('SUBJECT_INVALID'))
    }
    expect(hostIdOf({ tenant: 'acme', cloud: homeCloud, host: controllerHost })).toBe('acme._home._controller')
  })

  it('takes no leading _ from people', () => {
    expect(parseId('web-1', 'host')).toBe('web-1')
    expect(() => parseId('_web', 'host')).toThrow(failsWith('TOKEN_INVALID'))
    expect(isToken('_web')).toBe(true)
    expect(parseAgentId('acme.c1.web-1')).toEqual({ tenant: 'acme', cloud: 'c1', host: 'web-1' })
    for (const ours of ['_acme.c1.web', 'acme._home.web', 'acme.c1._controller']) {
      expect(() => parseAgentId(ours)).toThrow(failsWith('TOKEN_INVALID'))
    }
    expect(() => parseAgentId('acme.c1')).toThrow(failsWith('SUBJECT_INVALID'))
  })
})

describe('a metric name in a subject', () => {
  const part = fc.oneof(
    token,
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((t) => t.replaceAll('.', '~')),
  )
  const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'))

  it('comes back, is all of the alphabet, and no two names share one', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre([a, b].every((n) => Buffer.byteLength(n) <= 512))
        const encoded = encodeMetricName(a)
        expect(encoded).toMatch(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/)
        expect(decodeMetricName(encoded)).toBe(a)
        expect(encoded === encodeMetricName(b)).toBe(a === b)
      }),
      { numRuns: 500 },
    )
  })

  it('is decoded only if the encoder made it', () => {
    fc.assert(
      fc.property(fc.array(token, { minLength: 1, maxLength: 4 }), (tokens) => {
        const text = tokens.join('.')
        let name: string | undefined
        try {
          name = decodeMetricName(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'METRIC_NAME_INVALID' })
        }
        if (name !== undefined) expect(encodeMetricName(name)).toBe(text)
      }),
    )
    for (const bad of ['_', '_YQ', 'a..b', '', '_gA', '_4pyTx']) expect(() => decodeMetricName(bad)).toThrow()
  })

  it.each([
    ['cpu.usage', 'cpu.usage'],
    ['a-b_c.d:e/f%g', 'a-b_c._ZDplL2YlZw'],
    ['_own.x', '_X293bg.x'],
    ['größe', '_Z3LDtsOfZQ'],
    ['x'.repeat(65), `_${Buffer.from('x'.repeat(65)).toString('base64url')}`],
  ])('%s is %s', (name, encoded) => expect(encodeMetricName(name)).toBe(encoded))

  it.each(['', '.', 'a..b', '.a', 'a.', 'x'.repeat(513), 'a\ud800'])('is refused: %j', (bad) => {
    expect(() => encodeMetricName(bad)).toThrow(failsWith('METRIC_NAME_INVALID'))
  })

  it('makes the subject and is read from it', () => {
    const subject = metricSubject(web, 'shop.größe.x')
    expect(subject).toBe('lanista.acme.c1.web-1.metric.shop._Z3LDtsOfZQ.x')
    expect(metricNameOf(parseSubject(subject))).toBe('shop.größe.x')
    expect(() => metricSubject(web, Array.from({ length: 256 }, () => '%').join('.'))).toThrow(/1024 bytes/)
    expect(encodeMetricPattern('shop.*.größe.>')).toBe('shop.*._Z3LDtsOfZQ.>')
  })
})

describe('a pattern', () => {
  const piece = fc.constantFrom('a', 'b', '*', '>')
  const pattern = fc.array(piece, { minLength: 1, maxLength: 4 }).filter((tokens) => !tokens.slice(0, -1).includes('>'))
  const subjects = allSubjects(['a', 'b', 'c'], 5)

  /** Every literal subject of up to `depth` tokens. */
  function allSubjects(tokens: readonly string[], depth: number): string[][] {
    const shorter = depth > 1 ? allSubjects(tokens, depth - 1) : [[]]
    const longest = shorter.filter((subject) => subject.length === depth - 1)
    return [...shorter.filter((s) => s.length > 0), ...longest.flatMap((subject) => tokens.map((t) => [...subject, t]))]
  }

  function matchesModel(pattern: readonly string[], subject: readonly string[]): boolean {
    const [p, ...ps] = pattern
    const [s, ...ss] = subject
    if (p === undefined || s === undefined) return p === undefined && s === undefined
    return p === '>' ? true : (p === '*' || p === s) && matchesModel(ps, ss)
  }

  it('matches what the plain recursive rule says', () => {
    fc.assert(
      fc.property(pattern, fc.constantFrom(...subjects), (pattern, subject) => {
        expect(matchesPattern(pattern.join('.'), subject.join('.'))).toBe(matchesModel(pattern, subject))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is inside another exactly if every subject it matches is matched by the other', () => {
    fc.assert(
      fc.property(pattern, pattern, (outer, inner) => {
        const covers = subjects.every((subject) => !matchesModel(inner, subject) || matchesModel(outer, subject))
        expect(isInside(outer.join('.'), inner.join('.'))).toBe(covers)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a.>.b',
    'a*',
    '*a',
    'a>',
    'a b',
    'a/b',
    'a#',
    '+',
    '#',
    '$SYS.a',
    'a.$SRV',
    'ä',
    'a\n',
    'a.'.repeat(600),
  ])('is refused as %j', (text) => expect(() => parsePattern(text)).toThrow(failsWith('PATTERN_INVALID')))
})

describe('MQTT', () => {
  const tokens = fc.array(token, { minLength: 1, maxLength: 6 })
  const patternTokens = fc
    .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([list, open]) => (open ? [...list, '>'] : list))

  it('topics and subjects are each other’s names', () => {
    fc.assert(
      fc.property(tokens, (tokens) => {
        expect(topicOf(tokens.join('.'))).toBe(tokens.join('/'))
        expect(subjectOfTopic(topicOf(tokens.join('.')))).toBe(tokens.join('.'))
      }),
    )
  })

  it('filters and patterns are each other’s names', () => {
    fc.assert(
      fc.property(patternTokens, (tokens) => {
        expect(patternOfFilter(filterOf(tokens.join('.')))).toBe(tokens.join('.'))
      }),
    )
    expect(filterOf('lanista.*.c1.>')).toBe('lanista/+/c1/#')
  })

  it('names beyond the alphabet are refused, in each direction', () => {
    const odd = fc.string({
      unit: fc.constantFrom(...'ab*>+#./$ \n\u0000\u001f\u007fä'.split('')),
      minLength: 0,
      maxLength: 6,
    })
    const isPlain = (text: string, separator: string): boolean =>
      text.split(separator).every((t) => /^[A-Za-z0-9_-]+$/.test(t))
    fc.assert(
      fc.property(odd, (text) => {
        if (!isPlain(text, '.')) expect(() => topicOf(text)).toThrow(failsWith('TOPIC_INVALID'))
        if (!isPlain(text, '/')) expect(() => subjectOfTopic(text)).toThrow(failsWith('TOPIC_INVALID'))
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    'a/#/b',
    'a/b#',
    'a+',
    '$share/g/a',
    '$SYS/#',
    'a.b',
    '*',
    '>',
    'a/*',
    'a/>',
    'a b',
    'a\u0000',
  ])('the filter %j is refused', (filter) => expect(() => patternOfFilter(filter)).toThrow(failsWith('TOPIC_INVALID')))
})
