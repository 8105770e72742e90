import { expect, it } from 'vitest'
import type { InstanceSpec } from './spec.ts'
import { parseInstanceSpec } from './spec-schema.ts'

const handler = { commands: [['/bin/sh', '-c', 'exec ./run.sh']], timeoutMs: 1000 }
const script = { command: ['/bin/sh', '-c', 'true', 'sh'] }
const spec: InstanceSpec = {
  id: 'shop-web-1',
  application: 'shop',
  component: 'web',
  generation: 1,
  isolation: 'docker',
  image: 'shop/web:1',
  lifecycle: { start: handler, stop: handler },
  startDetector: { kind: 'http', port: 'http', path: '/', status: [200, 399], intervalMs: 1000, timeoutMs: 900_000 },
  stopDetector: { kind: 'script', command: ['true'], intervalMs: 1000, timeoutMs: 1000 },
  provides: [{ name: 'http', port: 8080, protocol: 'tcp', isPublic: true }],
  requires: [{ name: 'sql', min: 1, onChange: handler, peers: [{ instance: 'shop-db-1', cloud: '10.0.0.1:5432' }] }],
  environment: { MODE: 'x' },
  files: [{ path: 'run.sh', text: '#!/bin/sh\n', isExecutable: true }],
  code: { id: '1', sha256: 'a'.repeat(64), bytes: 3 },
  volumes: ['data:/data'],
  resources: { cpus: 0.5, memoryBytes: 1 },
  restart: { on: 'failure', backoffMinMs: 1, backoffMaxMs: 2, restartsMax: 3, windowMs: 4 },
  members: { term: 2, masterIp: '10.0.0.1', list: [{ id: 'shop-web-1', ip: '10.0.0.1', role: 'master' }] },
  service: {
    scripts: { run: { command: ['a'], timeoutMs: 5 }, interrupt: script, cleanup: script, notify: script },
    parameters: ['1'],
    graceMs: 1000,
  },
  isWanted: true,
}

it('comes back as it was sent', () => {
  expect(parseInstanceSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
})

it.each<[string, object, string]>([
  ['an id with a dot', { id: 'a.b' }, 'id'],
  ['a command that is text', { lifecycle: { start: { commands: ['x'], timeoutMs: 1 } } }, 'lifecycle.start.commands.0'],
  ['a handler of another name', { lifecycle: { begin: handler } }, 'lifecycle'],
  ['a variable that is none', { environment: { 'a b': '' } }, 'environment'],
  ['no generation', { generation: 0 }, 'generation'],
  ['a member of no role', { members: { term: 1, masterIp: '', list: [{ id: 'a', ip: 'b' }] } }, 'members.list.0.role'],
  ['a service without a script', { service: { scripts: {}, parameters: [], graceMs: 1 } }, 'service.scripts.run'],
  ['a key nobody knows', { privileged: true }, 'privileged'],
])('is refused with %s', (_name, change, found) => {
  expect(() => parseInstanceSpec({ ...spec, ...change })).toThrow(
    expect.objectContaining({ code: 'INSTANCE_INVALID', message: expect.stringContaining(found) }),
  )
})
