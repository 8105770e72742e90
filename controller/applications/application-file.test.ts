import { expect, it } from 'vitest'
import { readApplicationFile } from './application-file.ts'
import { openApplicationFile } from './secrets.ts'

/** The message of a refusal, without its first line. */
function refusal(text: string): string[] {
  try {
    readApplicationFile(text, 'app.yaml')
  } catch (error) {
    expect(error).toMatchObject({ code: 'APPLICATION_INVALID' })
    return (error as Error).message.split('\n').slice(1)
  }
  return []
}

it.each<[string, string, string[]]>([
  [
    'nothing',
    '',
    [
      'app.yaml expected a map, found null',
      'app.yaml application: expected 1 to 64 of A-Z a-z 0-9 _ - without a leading _, found nothing',
    ].slice(0, 1),
  ],
  ['a key twice', 'application: a\napplication: b', ['app.yaml:2:1 expected YAML or JSON: Map keys must be unique']],
  ['two documents', 'application: a\n---\napplication: b', ['app.yaml:2:1 expected one document, found another']],
  [
    'a bracket that is not closed',
    'application: [a',
    [
      'app.yaml:1:16 expected YAML or JSON: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ],
  [
    'a missing key at its map',
    'application: a\ncomponents:\n  b: {}',
    ['app.yaml:3:3 components.b.lifecycle.start: expected a command, found nothing'],
  ],
  [
    'an element of a list',
    'application: a\ncomponents:\n  b:\n    image: x\n    volumes:\n      - d:/d\n      - nowhere',
    [
      'app.yaml:7:9 components.b.volumes.1: expected a volume like data:/var/lib/shop, /srv/shop:/data:ro, found "nowhere"',
    ],
  ],
  [
    'a key with dots',
    'application: a\ncomponents:\n  b:\n    image: x\n    files:\n      a.b/../c.sh: x',
    [
      'app.yaml:6:7 components.b.files.a.b/../c.sh: expected a name of a path inside the folder, without . and .., found "a.b/../c.sh"',
    ],
  ],
  [
    'JSON',
    '{"application": "a",\n "componets": {}}',
    ['app.yaml:2:2 componets: expected components?, found an unknown key'],
  ],
  [
    'a monitor of an unknown component',
    'application: a\ncomponents: { web: { image: x } }\nmonitors:\n  m: { of: cpu.usage, component: wbe, function: mean, window: 1m }',
    ['app.yaml:4:23 monitors.m.component: '],
  ],
  [
    'a rule that scales what is not there',
    'application: a\ncomponents: { web: { image: x } }\nmonitors: { m: { of: cpu.usage, function: mean, window: 1m } }\nrules:\n  r:\n    when: { every: m, above: 1 }\n    then: { scale: wbe, by: 1 }',
    ['app.yaml:7:13 rules.r.then.scale: '],
  ],
])('tells the line and column of a mistake: %s', (_what, text, expected) => {
  const found = refusal(text)
  expect(found.map((line, i) => line.slice(0, expected[i]?.endsWith(': ') ? expected[i].length : undefined))).toEqual(
    expected,
  )
})

it('refuses aliases that grow or go round without end, what is nested too deep, and a file that is too large', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 0; i < 6; i++)
    bomb.push(`${'bcdefg'[i]}: &${'bcdefg'[i]} [${Array.from({ length: 10 }, () => `*${'abcdef'[i]}`).join(', ')}]`)
  expect(refusal(bomb.join('\n'))[0]).toContain('expected fewer aliases')
  expect(refusal('application: &a [*a, *a]')[0]).toContain('expected at most 64 levels')
  for (const levels of [70, 1_500, 50_000]) {
    expect(refusal(`application: ${'['.repeat(levels)}`)[0]).toContain('expected at most 64 levels')
    expect(refusal(`application: ${'['.repeat(levels)}${']'.repeat(levels)}`)[0]).toContain(
      'expected at most 64 levels',
    )
  }
  expect(refusal('application: a\n'.repeat(300)).at(-1)).toMatch(/^and \d+ more$/)
  expect(refusal(`application: a # ${'x'.repeat(1_048_576)}`)[0]).toContain('expected at most 1048576 bytes')
})

it('lets files say what they share once', () => {
  const { components } = readApplicationFile(
    'application: a\ncomponents:\n  b: &one { image: x, instances: 3 }\n  c: { <<: *one, instances: 2 }',
    'a',
  )
  expect(components.map(({ image, instances }) => [image?.name, instances.max])).toEqual([
    ['x', 3],
    ['x', 2],
  ])
})

const hook = (to: string): string => `application: a
monitors: { m: { of: cpu.usage, function: mean, window: 1m } } # ours
${to}`

it('parts a file from its secrets, and keeps its other words', () => {
  const { text, subscriptions, file, hasSecrets } = openApplicationFile(
    hook(
      'subscriptions: { s: { monitor: m, to: { webhook: "http://127.0.0.1/", secret: hush } }, b: { monitor: m, to: bus } }',
    ),
    'a',
  )
  expect(hasSecrets).toBe(true)
  expect(subscriptions.map(({ secret }) => secret)).toEqual(['hush', undefined])
  expect(file.subscriptions.map(({ secret }) => secret)).toEqual([undefined, undefined])
  expect(text).toContain('# ours')
  expect(text).not.toContain('hush')
  expect(readApplicationFile(text, 'a')).toEqual(file)
})

it('refuses a secret that stands in an anchor, where it would be kept', () => {
  const text =
    'subscriptions:\n  s: { monitor: m, to: &t { webhook: "http://127.0.0.1/", secret: hush } }\n  u: { monitor: m, to: *t }'
  const shared = hook(`x: 1\n${text}`).replace('x: 1\n', '')
  const bare = openApplicationFile(shared, 'a')
  expect(bare.text).not.toContain('hush')
  const merged = hook('subscriptions:\n  s: { monitor: m, to: { <<: { webhook: "http://127.0.0.1/", secret: hush } } }')
  expect(() => openApplicationFile(merged, 'a')).toThrow('expected the secret written here and not by an anchor')
})
