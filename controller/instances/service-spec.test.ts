import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseApplication } from '#protocol/application/parse.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { parseInstanceSpec } from '#protocol/instances/spec-schema.ts'
import { instanceSpec } from './instance-spec.ts'
import { componentsOf } from './model-fleet.ts'

const specOf = (fields: object): InstanceSpec => {
  const [component] = componentsOf({ crunch: fields })
  if (!component) throw new Error('no component')
  const wish = { id: 'shop-crunch-1', application: 'shop', component, generation: 1, system: 'linux' } as const
  return instanceSpec({ ...wish, peers: new Map(), isWanted: true })
}
/** What a script says when it is run with these parameters. */
const said = (command: readonly string[] = [], ...parameters: string[]): string => {
  const [program = '', ...words] = [...command, ...parameters]
  return spawnSync(program, words, { env: { PATH: process.env['PATH'] ?? '', SEEN: 'x' }, cwd: '/', encoding: 'utf8' })
    .stdout
}

describe('a service as a spec', () => {
  it('installs by its init, and starts something that waits', () => {
    const spec = specOf({ service: { init: './init.sh' }, parameters: 'a' })
    expect(parseInstanceSpec(JSON.parse(JSON.stringify(spec)))).toEqual(JSON.parse(JSON.stringify(spec)))
    expect(spec.lifecycle.install).toEqual({
      commands: [['/bin/sh', '-c', './init.sh', '/bin/sh', 'a']],
      timeoutMs: 900_000,
    })
    expect(spec.lifecycle.start?.commands[0]?.[2]).toContain('sleep')
    expect(specOf({ service: true, lifecycle: { start: './serve' } }).lifecycle.start?.commands[0]?.[2]).toBe('./serve')
  })

  it('has no more than others where it is none', () => {
    const { service, members, lifecycle } = specOf({ lifecycle: { start: './serve' } })
    expect([service, members, lifecycle.install]).toEqual([undefined, undefined, undefined])
  })

  it('runs its scripts with parameters that may hold anything', () => {
    const run = (script: unknown): readonly string[] | undefined =>
      specOf({ service: { run: script } }).service?.scripts.run.command
    expect(said(run('printf "<%s>" "$@"'), 'a b', "'", '$x')).toBe("<a b><'><$x>")
    expect(said(run([['printf', '<%s>']]), 'a b', "it's")).toBe("<a b><it's>")
    expect(said(run(['printf 1', ['printf', '[%s]', 'x y']]), 'p q')).toBe('1[x y][p q]')
    expect(said(run(['false', 'echo no']))).toBe('')
  })

  it('is what examples/service.yaml is', () => {
    const { application, issues } = parseApplication(parse(readFileSync('examples/service.yaml', 'utf8')))
    expect(issues).toEqual([])
    const { members, service, parameters } = application.components[0] ?? {}
    expect([members, service?.graceMs, service?.scripts.run.timeoutMs, parameters]).toEqual([
      { silenceMs: 60_000 },
      10_000,
      3_600_000,
      ['3 rounds'],
    ])
  })

  it('prints its environment where nothing is said', () => {
    const usual = specOf({ service: true }).service?.scripts
    expect(said(usual?.notify.command, 'p')).toMatch(/^notify p\n(?:.*\n)*SEEN=x\n/)
  })
})
