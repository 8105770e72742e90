/** Hosts of one machine have addresses of their own: instances on them listen on the same port, and each is reached at its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lastingPorts } from './lasting-port.ts'
import { Workspace } from './workspace.ts'

interface Instance {
  readonly host: string
  readonly state: string
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const program = `
import { createServer } from 'node:http'
const { CONTAINER_IP, CONTAINER_HTTP, PUBLIC_IP, VM_ID } = process.env
createServer((_request, response) => response.end(VM_ID + ' ' + PUBLIC_IP)).listen(Number(CONTAINER_HTTP), CONTAINER_IP)
`

let workspace: Workspace

beforeEach(() => {
  workspace = new Workspace()
})

afterEach(() => workspace.close())

test.runIf(process.platform === 'linux')(
  'two instances with one port run on two hosts, and no third does',
  async () => {
    const addresses = ['127.7.0.2', '127.7.0.3']
    await workspace.up('--hosts', '2', '--host-addresses', addresses[0] ?? '')
    const [http = 0] = await lastingPorts(1)
    const twin = {
      instances: { min: 1, initial: 2, max: 3 },
      isolation: 'directory',
      files: { 'twin.mjs': program },
      lifecycle: {
        start: `exec ${process.execPath} twin.mjs`,
        startDetector: { tcp: 'http', every: '100ms', within: '30s' },
      },
      provides: { http: { port: http, public: true } },
    }
    const file = join(workspace.folder, 'twins.json')
    writeFileSync(file, JSON.stringify({ application: 'twins', components: { twin } }))
    expect(await workspace.run('apply', file)).toMatchObject({ code: 0 })
    let found: Instance[] = []
    await workspace.until(
      async () => {
        found = await workspace.ask<Instance[]>('instances')
        return found.length === 2 && found.every(({ state }) => state === 'running')
      },
      'two running instances',
      60_000,
    )
    const places = found.map(({ endpoints }) => endpoints['http']?.['public'] ?? '')
    expect(places.toSorted()).toEqual(addresses.map((address) => `${address}:${http}`))
    const answers = await Promise.all(places.map(async (place) => (await fetch(`http://${place}`)).text()))
    expect(answers).toEqual(found.map(({ host }, i) => `${host} ${places[i]?.split(':')[0]}`))

    expect(await workspace.run('scale', 'twins/twin', '+1')).toMatchObject({ code: 0 })
    await workspace.until(
      async () => {
        const { stdout } = await workspace.run('explain', 'twins/twin')
        return stdout.includes(`has port ${http}/tcp: in a directory it listens on its own numbers`)
      },
      'why no host can have a third',
      20_000,
    )
    expect(await workspace.run('remove', 'twins')).toMatchObject({ code: 0 })
  },
)
