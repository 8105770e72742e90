import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Application, Component } from './model.ts'
import { parseApplication } from './parse.ts'

/** The mistakes of a file, as they are told. */
function mistakes(text: string): string[] {
  return parseApplication(parse(text)).issues.map(
    ({ path, expected, found }) => `${path}: expected ${expected}, found ${found}`,
  )
}

function application(text: string): Application {
  const { application, issues } = parseApplication(parse(text))
  expect(issues).toEqual([])
  return application
}

/** The component `web` of a file with it and a database. */
function web(fields: string): Component {
  const [component] = application(file(fields)).components
  return component as Component
}

function file(fields: string): string {
  return `
application: shop
components:
  web: {${fields}}
  db: { lifecycle: { start: ./run.sh }, provides: { sql: 5432 } }`
}

const started = 'lifecycle: { start: ./serve.sh }'

describe('an application file', () => {
  it('has a default for everything but the command that starts a component', () => {
    const script = { commands: ['./run.sh'], timeoutMs: 900_000 }
    expect(application('{ application: shop, components: { db: { lifecycle: { start: ./run.sh } } } }')).toEqual({
      name: 'shop',
      components: [
        {
          name: 'db',
          instances: { min: 1, initial: 1, max: 1 },
          isolation: 'directory',
          lifecycle: { start: { any: script } },
          provides: [],
          requires: [],
          place: { labels: {}, antiAffinity: [] },
          restart: { on: 'failure', backoffMinMs: 1000, backoffMaxMs: 60_000, restartsMax: 5, windowMs: 600_000 },
          resources: {},
          environment: {},
          volumes: [],
          files: [],
          parameters: [],
        },
      ],
    })
  })

  it.each<[string, string]>([
    ['start: ./a', 'start: [./a]'],
    ['start: ./a', 'start: { run: ./a, timeout: 15m }'],
    ['start: [./a, ./b]', 'start: { any: { run: [./a, ./b] } }'],
    ['start: ./a, stopDetector: ./up', 'start: ./a, stopDetector: { script: ./up }'],
    ['start: ./a, startDetector: { log: ready }', 'start: ./a, startDetector: { log: ready, every: 1s, within: 15m }'],
  ])('means the same by lifecycle %s and %s', (short, long) => {
    expect(web(`lifecycle: { ${short} }`)).toEqual(web(`lifecycle: { ${long} }`))
  })

  it.each<[string, string]>([
    ['instances: 3', 'instances: { min: 3, initial: 3, max: 3 }'],
    ['instances: { max: 3 }', 'instances: { min: 1, initial: 1, max: 3 }'],
    ['instances: { min: 2 }', 'instances: { min: 2, initial: 2, max: 2 }'],
    ['instances: { initial: 0, max: 4 }', 'instances: { min: 0, initial: 0, max: 4 }'],
    ['provides: { http: 80 }', 'provides: { http: { port: 80, public: false, protocol: tcp } }'],
    ['requires: { sql: db.sql }', 'requires: { sql: { from: db.sql, min: 1 } }'],
    ['requires: { sql: { from: db.sql, mandatory: false } }', 'requires: { sql: { from: db.sql, min: 0 } }'],
    ['members: true', 'members: { grace: 1m }'],
    ['service: true', 'service: {}'],
    ['service: true', 'service: true, members: true'],
    ['service: { run: ./a }', 'service: { run: [./a], grace: 10s }'],
    ['restart: always', 'restart: { on: always, backoff: 1s..1m, limit: 5/10m }'],
    ['restart: { limit: 3 }', 'restart: { on: failure, limit: 3/10m }'],
    ['place: { cloud: home, cores: 2 }', 'place: { cloud: [home], cores: ">=2" }'],
    ['place: { memory: 512M, disk: 1G }', 'place: { memory: ">=512MiB", disk: 1073741824 }'],
    ['environment: { A: 1, B: true }', 'environment: { A: "1", B: "true" }'],
    ['parameters: a  b', 'parameters: [a, b]'],
    ['code: true', 'code: { keep: 10, atOnce: 1, within: 5m }'],
    ['files: { a.sh: "#!/bin/sh" }', 'files: { a.sh: { text: "#!/bin/sh", executable: true } }'],
  ])('means the same by %s and %s', (short, long) => {
    expect(web(`${started}, ${short}`)).toEqual(web(`${started}, ${long}`))
  })

  it.each<[string, object]>([
    ['shop/web', { name: 'shop/web', tag: 'latest' }],
    ['shop/web:1.4', { name: 'shop/web', tag: '1.4' }],
    ['registry.example:5000/web:1', { name: 'registry.example:5000/web', tag: '1' }],
    [`web@sha256:${'0f'.repeat(32)}`, { name: 'web', digest: `sha256:${'0f'.repeat(32)}` }],
  ])('knows the parts of the image %s, whose own command may be what starts it', (text, image) => {
    expect(web(`image: "${text}"`)).toMatchObject({ isolation: 'docker', image, lifecycle: {} })
  })

  it('keeps volumes with a name apart from folders of the host', () => {
    expect(web('image: web, volumes: ["data:/var/lib/web", "/srv:/srv:ro"]').volumes).toEqual([
      { from: { kind: 'named', name: 'data' }, to: '/var/lib/web', isReadOnly: false },
      { from: { kind: 'host', path: '/srv' }, to: '/srv', isReadOnly: true },
    ])
  })

  it('makes a service of scripts that are all there, without anything to start, whose instances know each other', () => {
    const { service, members, lifecycle, place } = web('service: { init: { run: ./i, timeout: 1m }, run: [a, b] }')
    const usual = { commands: [expect.stringMatching(/^for f in code\/notify.sh .\/notify.sh; .* env$/)] }
    expect(service).toMatchObject({
      scripts: {
        init: { commands: ['./i'], timeoutMs: 60_000 },
        run: { commands: ['a', 'b'] },
        notify: usual,
      },
      graceMs: 10_000,
    })
    expect(service?.scripts.run.timeoutMs).toBeUndefined()
    expect(members).toEqual({ silenceMs: 60_000 })
    expect(lifecycle).toEqual({})
    expect(place.systems).toEqual(['linux'])
    expect(web(`${started}, members: true`)).toMatchObject({ members: { silenceMs: 60_000 } })
  })

  it('may be without components: monitors need none', () => {
    expect(application('{ application: watch, monitors: {} }').components).toEqual([])
  })
})

describe('a mistake', () => {
  it.each<[string, string, string[]]>([
    ['no map at all', '[]', [': expected a map, found []']],
    [
      'no name',
      'components: {}',
      ['application: expected 1 to 64 of A-Z a-z 0-9 _ - without a leading _, found nothing'],
    ],
    [
      'an unknown section',
      '{ application: a, componets: {} }',
      ['componets: expected components?, found an unknown key'],
    ],
    [
      'components as a list',
      '{ application: a, components: [] }',
      ['components: expected a map of components by name, found a list'],
    ],
    [
      'a component without anything',
      '{ application: a, components: { b: null } }',
      ['components.b: expected a map, found null'],
    ],
    [
      'a component that nothing starts',
      '{ application: a, components: { b: {} } }',
      ['components.b.lifecycle.start: expected a command, found nothing'],
    ],
    [
      'names too long for an instance’s id',
      `{ application: ${'a'.repeat(40)}, components: { ${'b'.repeat(20)}: { image: web } } }`,
      [
        `components.${'b'.repeat(20)}: expected at most 56 characters of application and component names together, found 60`,
      ],
    ],
  ])('is told: %s', (_what, text, expected) => {
    expect(mistakes(text)).toEqual(expected)
  })

  it.each<[string, string[]]>([
    [`${started}, lifecycl: {}`, ['lifecycl: expected lifecycle?, found an unknown key']],
    ['lifecycle: { strat: ./a }', ['lifecycle.strat: expected start?, found an unknown key']],
    ['lifecycle: { start: [] }', ['lifecycle.start: expected a command, found none']],
    [
      'lifecycle: { start: ["./a", 5] }',
      ['lifecycle.start.1: expected a command, or a list of a program and its arguments, found 5'],
    ],
    [
      'lifecycle: { start: ./a, stop: { run: ./b, timeout: 5 } }',
      ['lifecycle.stop.timeout: expected a duration from 1ms to 30d like 90s, found 5'],
    ],
    [
      'image: web, lifecycle: { start: { windows: a.exe } }',
      ['lifecycle.start: expected a command for linux, where the component is placed, found windows'],
    ],
    [
      'lifecycle: { start: { linux: ./a, darwin: ./a }, stop: { linux: ./b } }',
      ['lifecycle.stop: expected commands for darwin too ([] = nothing to do there), found linux'],
    ],
    [
      'lifecycle: { start: ./a, install: { linux: ./b } }, place: { system: [linux, windows] }',
      ['lifecycle.install: expected commands for windows too ([] = nothing to do there), found linux'],
    ],
    [
      'lifecycle: { start: ./a, startDetector: { tcp: htpp } }, provides: { http: 80 }',
      ['lifecycle.startDetector.tcp: expected http?, found "htpp"'],
    ],
    [
      'lifecycle: { start: ./a, startDetector: { http: dns, path: x } }',
      ['lifecycle.startDetector.path: expected a path that starts with /, found "x"'],
    ],
    [
      'lifecycle: { start: ./a, startDetector: { tcp: dns } }, provides: { dns: { port: 53, protocol: udp } }',
      ['lifecycle.startDetector.tcp: expected a port of protocol tcp, found "dns"'],
    ],
    [
      'lifecycle: { start: ./a, startDetector: { log: "(" } }',
      [
        'lifecycle.startDetector.log: expected a regular expression without nested repetition, lookaround or backreference, found "("',
      ],
    ],
    [
      `${started}, instances: { min: 3, initial: 2, max: 1 }`,
      ['instances: expected min <= initial <= max, found min 3, initial 2, max 1'],
    ],
    [`${started}, instances: { max: -1 }`, ['instances.max: expected at least 1, found -1']],
    [`${started}, instances: many`, ['instances: expected a count or {min, initial, max}, found "many"']],
    [
      'image: web, place: { system: windows }',
      ['place.system: expected linux among them, as isolation is docker, found windows'],
    ],
    [`${started}, isolation: dokcer`, ['isolation: expected docker?, found "dokcer"']],
    [`${started}, isolation: docker`, ['image: expected an image, as isolation is docker, found nothing']],
    [`${started}, isolation: directory, image: web`, ['image: expected no image, or isolation: docker, found "web"']],
    [`${started}, volumes: ["data:/data"]`, ['volumes: expected no volumes, or isolation: docker, found 1']],
    ['image: Shop/web', ['image: expected an image like shop/web:1.4 or shop/web@sha256:…, found "Shop/web"']],
    ['image: { name: web, tag: "a b" }', ['image.tag: expected a tag, found "a b"']],
    [
      'image: web, volumes: ["../x:/data"]',
      ['volumes.0: expected a volume like data:/var/lib/shop, /srv/shop:/data:ro, found "../x:/data"'],
    ],
    [
      'image: web, volumes: ["/srv/../etc:/data"]',
      ['volumes.0: expected a volume like data:/var/lib/shop, /srv/shop:/data:ro, found "/srv/../etc:/data"'],
    ],
    [`${started}, provides: { http: 70000 }`, ['provides.http: expected at most 65535, found 70000']],
    [
      `${started}, provides: { _http: 80 }`,
      ['provides._http: expected a name of 1 to 64 of A-Z a-z 0-9 _ - without a leading _, found "_http"'],
    ],
    [`${started}, provides: { a: 80, b: 80 }`, ['provides.b.port: expected another port than that of a, found 80/tcp']],
    [
      `${started}, provides: { my-sql: 80 }, requires: { my_sql: db.sql }`,
      [
        'requires.my_sql: expected another name than provides.my-sql: both would be the variable PUBLIC_MY_SQL, found my_sql',
      ],
    ],
    [
      `${started}, environment: { CLOUD_IP: x }`,
      ['environment.CLOUD_IP: expected another name: lanista sets this one, found CLOUD_IP'],
    ],
    [`${started}, requires: { sql: d.sql }`, ['requires.sql.from: expected a port of db?, found "d.sql"']],
    [`${started}, requires: { sql: db.slq }`, ['requires.sql.from: expected db.sql?, found "db.slq"']],
    [`${started}, requires: { sql: db }`, ['requires.sql: expected component.port, found "db"']],
    [
      `${started}, requires: { sql: { from: db.sql, min: 2 } }`,
      ['requires.sql.min: expected at most 1, the most instances db has, found 2'],
    ],
    [
      `${started}, requires: { sql: { from: db.sql, min: 0, mandatory: true } }`,
      ['requires.sql.mandatory: expected mandatory: true with a min of 1 or more, or one of the two alone, found true'],
    ],
    [
      `${started}, requires: { sql: { from: db.sql, min: 2, max: 1 } }`,
      ['requires.sql.max: expected at least min, found 1'],
    ],
    [
      `${started}, place: { memory: lots }`,
      ['place.memory: expected at least so many bytes like 512M or 2G (powers of 1024): >=512M, found "lots"'],
    ],
    [`${started}, place: { cores: "<=4" }`, ['place.cores: expected at least so many cores: >=2, found "<=4"']],
    [`${started}, place: { spread: zoen }`, ['place.spread: expected zone?, found "zoen"']],
    [`${started}, place: { antiAffinity: dbb }`, ['place.antiAffinity.0: expected db?, found "dbb"']],
    [`${started}, restart: sometimes`, ['restart: expected one of never, failure, always, found "sometimes"']],
    [
      `${started}, restart: { backoff: 1m..1s }`,
      ['restart.backoff: expected two durations like 1s..1m, found "1m..1s"'],
    ],
    [`${started}, resources: { cpu: 0 }`, ['resources.cpu: expected more than 0, found 0']],
    [
      `${started}, files: shop/web`,
      ['files: expected texts by path (of a folder, lanista apply makes them), found "shop/web"'],
    ],
    [
      `${started}, files: { ../a: x }`,
      ['files.../a: expected a name of a path inside the folder, without . and .., found "../a"'],
    ],
    ['service: false', ['service: expected true, or no service at all, found false']],
    ['service: { rnu: ./a }', ['service.rnu: expected run?, found an unknown key']],
    [
      'service: { run: { run: ./a, timeout: soon } }',
      ['service.run.timeout: expected a duration from 1ms to 30d like 90s, found "soon"'],
    ],
    ['service: { run: [] }', ['service.run: expected a command, found none']],
    [
      'service: true, lifecycle: { install: ./i }, place: { system: [linux, darwin] }',
      [
        'lifecycle.install: expected nothing, as service.init is what installs, found a script',
        'place.system: expected linux alone, as the scripts of a service are a POSIX shell’s, found darwin',
      ],
    ],
    [
      'service: true, environment: { MY_ROLE: x }',
      ['environment.MY_ROLE: expected another name: lanista sets this one, found MY_ROLE'],
    ],
    [`${started}, members: 3`, ['members: expected true or {grace}, found 3']],
    [
      `${started}, instances: 3, provides: { http: 80 }, place: { host: [a, b] }`,
      ['provides.http.port: expected a host for each instance that wants port 80/tcp, found 3 on a, b'],
    ],
  ])('of a component is told with its path: %s', (fields, expected) => {
    expect(mistakes(file(fields))).toEqual(expected.map((line) => `components.web.${line}`))
  })

  it('tells of every mistake of a file at once, and judges what refers to a broken component no further', () => {
    const text = file('image: 5, provides: { http: x }, restart: never!, requires: { sql: db.slq }')
    expect(
      mistakes(`${text}\n  cache: { lifecycle: { start: ./c }, requires: { up: web.http, gone: wbe.http } }`),
    ).toEqual([
      'components.web.image: expected an image like shop/web:1.4, or {name, tag, digest, login}, found 5',
      'components.web.provides.http: expected a port, or {port, public, protocol}, found "x"',
      'components.web.restart: expected never?, found "never!"',
      'components.cache.requires.gone.from: expected a port of web?, found "wbe.http"',
    ])
  })

  it('tells of components that wait for each other, as a path', () => {
    const part = (name: string, from: string, min = 1): string =>
      `${name}: { lifecycle: { start: ./x }, provides: { p: 1 }, requires: { q: { from: ${from}.p, min: ${min} } } }`
    const text = (...parts: string[]): string => `{ application: a, components: { ${parts.join(', ')} } }`
    const advice = 'min: 0 (mandatory: false) somewhere in the circle: each waits for the next before it starts'
    expect(mistakes(text(part('x', 'y'), part('y', 'z'), part('z', 'y')))).toEqual([
      `components.y.requires.q: expected ${advice}, found y -> z -> y`,
    ])
    expect(mistakes(text(part('x', 'x')))).toEqual([`components.x.requires.q: expected ${advice}, found x -> x`])
    expect(mistakes(text(part('x', 'y'), part('y', 'x', 0)))).toEqual([])
  })

  it('tells of a port that two components want on the only host of both, but not in containers that nobody reaches', () => {
    const on = (name: string, place: string, more = ''): string =>
      `${name}: { ${more || started}, provides: { p: 80 }, place: { ${place} } }`
    const text = (...parts: string[]): string => `{ application: a, components: { ${parts.join(', ')} } }`
    expect(mistakes(text(on('x', 'host: a'), on('y', 'host: a')))).toEqual([
      'components.y.provides.p.port: expected a host for each instance that wants port 80/tcp, found 1 on a beside x',
    ])
    expect(mistakes(text(on('x', 'host: [a, b]'), on('y', 'host: a')))).toEqual([])
    expect(mistakes(text(on('x', 'host: a, cloud: [k, l]'), on('y', 'host: a, cloud: [k, l]')))).toEqual([])
    expect(mistakes(text(on('x', 'host: a', 'image: i'), on('y', 'host: a', 'image: i')))).toEqual([])
    expect(
      mistakes(text(on('x', 'host: a', 'image: i'), `y: { ${started}, place: { host: a, antiAffinity: x } }`)),
    ).toEqual(['components.y.place.antiAffinity.0: expected another host for one of them, found x on a alone, too'])
  })
})

describe('whatever stands in a file', () => {
  const words = fc.constantFrom(
    'application',
    'components',
    'lifecycle',
    'start',
    'run',
    'requires',
    'from',
    'place',
    'web',
    'db.sql',
    '1s..1m',
    '__proto__',
  )
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'medium' },
      fc.oneof(words, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string()),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(words, tie('any'), { maxKeys: 5 }),
    ),
  })).any

  it('becomes an application or issues with paths, never an exception', () => {
    fc.assert(
      fc.property(value, value, (whole, part) => {
        parseApplication(whole)
        const { issues, application } = parseApplication({ application: 'a', components: { web: part } })
        expect(issues.length > 0 || application.components.length === 1).toBe(true)
        for (const { path } of issues) expect(path.startsWith('components.web')).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
