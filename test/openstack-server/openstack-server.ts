/** A small OpenStack over HTTP: Keystone, Nova, Glance and Neutron under one address, with faults on demand. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { flavorId, imageId, type NovaServer, OpenstackCloud, OpenstackRefusal, zones } from './openstack-cloud.ts'

interface Reply {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type Act = (ask: { cloud: OpenstackCloud; id: string; query: URLSearchParams; body: unknown }) => Reply

const routes: Readonly<Record<string, Act>> = {
  'POST servers': ({ cloud, body }) => ({ status: 202, body: { server: { id: cloud.make(body).id } } }),
  'GET servers': ({ cloud, query }) => ({ status: 200, body: { servers: cloud.page(query).map(shown) } }),
  'GET server': ({ cloud, id }) => ({ status: 200, body: { server: shown(cloud.server(id)) } }),
  'DELETE server': ({ cloud, id }) => {
    cloud.server(id).isDeleting = true
    return { status: 204 }
  },
  'GET flavors': () => ({
    status: 200,
    body: { flavors: [{ id: flavorId, name: 'm1.small', vcpus: 1, ram: 2048, disk: 20 }] },
  }),
  'GET zones': () => ({
    status: 200,
    body: { availabilityZoneInfo: zones.map((zoneName) => ({ zoneName, zoneState: { available: true } })) },
  }),
  'GET limits': ({ cloud }) => ({
    status: 200,
    body: {
      limits: {
        absolute: {
          maxTotalInstances: 10,
          totalInstancesUsed: cloud.servers.size,
          maxTotalCores: -1,
          totalCoresUsed: 0,
        },
      },
    },
  }),
  'GET images': ({ query }) => ({
    status: 200,
    body: {
      images: query.has('marker')
        ? []
        : [
            {
              id: imageId,
              name: 'debian-12-genericcloud',
              status: 'active',
              hw_architecture: 'x86_64',
              os_type: 'linux',
            },
          ],
    },
  }),
  'POST keypairs': ({ cloud, body }) => {
    cloud.addKey(body)
    return { status: 201, body: { keypair: {} } }
  },
  'GET security-groups': ({ cloud, query }) => {
    const found = [...cloud.groups.values()].filter(({ name }) => name === query.get('name'))
    return { status: 200, body: { security_groups: found.map(groupShown) } }
  },
  'POST security-groups': ({ cloud, body }) => ({
    status: 201,
    body: { security_group: groupShown(cloud.makeGroup(body)) },
  }),
  'POST security-group-rules': ({ cloud, body }) => {
    cloud.addRule(body)
    return { status: 201, body: { security_group_rule: {} } }
  },
}

const paths: readonly (readonly [RegExp, string])[] = [
  [/^\/compute\/servers$/, 'servers'],
  [/^\/compute\/servers\/detail$/, 'servers'],
  [/^\/compute\/servers\/([0-9a-f-]+)$/, 'server'],
  [/^\/compute\/flavors\/detail$/, 'flavors'],
  [/^\/compute\/os-availability-zone$/, 'zones'],
  [/^\/compute\/limits$/, 'limits'],
  [/^\/compute\/os-keypairs$/, 'keypairs'],
  [/^\/image\/v2\/images$/, 'images'],
  [/^\/network\/v2\.0\/security-groups$/, 'security-groups'],
  [/^\/network\/v2\.0\/security-group-rules$/, 'security-group-rules'],
]

export class OpenstackServer implements AsyncDisposable {
  readonly cloud: OpenstackCloud = new OpenstackCloud()
  /** Requests of services that arrived, in order, as `POST servers`. */
  readonly requests: string[] = []
  /** Log-ins so far. */
  logIns = 0
  /** Life of a token, ms. */
  tokenMs = 3_600_000
  readonly #tokens = new Set<string>()
  readonly #late: unknown[] = []
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => request.socket.destroy())
    })
  }

  /** Listens on a free port of loopback. */
  static async open(): Promise<OpenstackServer> {
    const server = new OpenstackServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** No token that was given is good any more. */
  revokeTokens(): void {
    this.#tokens.clear()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const { pathname, searchParams: query } = new URL(url, this.url)
    const body = await bodyOf(request)
    if (pathname === '/identity/v3/auth/tokens')
      return send(
        response,
        this.#attempt(() => this.#logIn(body)),
      )
    const [id, name] = nameOf(method, pathname)
    this.requests.push(name)
    const { faults } = this.cloud
    if (isDue(faults.lostRequests, name)) return void request.socket.destroy()
    if (name === 'POST servers' && this.#isLate(body)) return void request.socket.destroy()
    const reply = this.#attempt(() => {
      this.#check(request)
      const act = routes[name]
      if (!act) throw new OpenstackRefusal(404, `${name} is nothing`)
      return act({ cloud: this.cloud, id, query, body })
    })
    if (isDue(faults.lostAnswers, name)) return void request.socket.destroy()
    send(response, reply)
  }

  /** What was late takes effect before the next one does. */
  #isLate(body: unknown): boolean {
    for (const late of this.#late.splice(0)) this.cloud.make(late)
    if (this.cloud.faults.lateMakes <= 0) return false
    this.cloud.faults.lateMakes--
    this.#late.push(body)
    return true
  }

  #attempt(work: () => Reply): Reply {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof OpenstackRefusal)) throw error
      return { status: error.status, body: { refusal: { code: error.status, message: error.message } } }
    }
  }

  #check(request: IncomingMessage): void {
    const { faults } = this.cloud
    if (!this.#tokens.has(String(request.headers['x-auth-token']))) {
      throw new OpenstackRefusal(401, 'The request you have made requires authentication.')
    }
    if (faults.throttled <= 0) return
    faults.throttled--
    throw new OpenstackRefusal(429, 'This request was rate-limited.')
  }

  #logIn(body: unknown): Reply {
    this.logIns++
    const text = JSON.stringify(body)
    if (text.includes('old-secret')) {
      throw new OpenstackRefusal(401, 'The password is expired and needs to be changed for user: lanista.')
    }
    if (!text.includes('right-secret')) {
      throw new OpenstackRefusal(401, 'The request you have made requires authentication.')
    }
    const token = randomUUID()
    this.#tokens.add(token)
    const catalog = ['compute', 'image', 'network'].map((type) => ({
      type,
      endpoints: [
        { interface: 'internal', region: 'RegionOne', url: 'http://10.0.0.1/' },
        { interface: 'public', region: 'RegionOne', url: `${this.url}/${type}/` },
      ],
    }))
    const expires_at = new Date(Date.now() + this.tokenMs).toISOString()
    return { status: 201, headers: { 'x-subject-token': token }, body: { token: { expires_at, catalog } } }
  }
}

function nameOf(method: string, pathname: string): [id: string, name: string] {
  for (const [pattern, name] of paths) {
    const found = pattern.exec(pathname)
    if (found) return [found[1] ?? '', `${method} ${name}`]
  }
  return ['', `${method} ${pathname}`]
}

function shown(server: NovaServer): unknown {
  const { id, name, created, metadata, status, fault, zone, isDeleting } = server
  const addr = '10.0.0.5'
  return {
    id,
    name,
    created,
    metadata,
    status,
    ...(fault === undefined ? {} : { fault: { code: 500, message: fault } }),
    addresses: status === 'ACTIVE' ? { net: [{ addr, version: 4, 'OS-EXT-IPS:type': 'fixed' }] } : {},
    image: { id: imageId },
    flavor: { original_name: 'm1.small' },
    'OS-EXT-STS:task_state': isDeleting ? 'deleting' : null,
    'OS-EXT-AZ:availability_zone': zone,
  }
}

function groupShown({ id, name, rules }: { id: string; name: string; rules: unknown[] }): unknown {
  return { id, name, security_group_rules: rules }
}

function isDue(times: Map<string, number>, name: string): boolean {
  const left = times.get(name) ?? 0
  if (left > 0) times.set(name, left - 1)
  return left > 0
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
}
