/** One region of OpenStack: requests to Nova, Glance and Neutron with a token that is renewed when it must. */
import * as z from 'zod'
import { cloudError } from '../cloud-error.ts'
import type { Keystone } from './keystone.ts'
import { askHttp, type HttpAnswer, type HttpAsk, httpFault, shaped } from './openstack-http.ts'
import { type Server, serverSchema } from './openstack-shapes.ts'

/** Tags on create, networks `auto`: Nova 16 (Pike). */
const computeVersion = 'compute 2.52'
const pageSize = 200

export type Service = 'compute' | 'image' | 'network'

export class OpenstackRegion {
  readonly name: string
  readonly #keystone: Keystone

  constructor(name: string, keystone: Keystone) {
    this.name = name
    this.#keystone = keystone
  }

  /** What is answered. Statuses of `expected` are given back, others thrown as the codes of `cloud-error.ts`. */
  async ask(
    service: Service,
    ask: Omit<HttpAsk, 'url' | 'headers'> & { readonly path: string },
    signal: AbortSignal,
    expected: readonly number[] = [],
  ): Promise<HttpAnswer> {
    const asked = `${ask.method} ${service}${ask.path.split('?')[0]}`
    let answer = await this.#once(service, ask, signal)
    // the token was revoked before its time: one more log-in says whether the credential is still good
    if (answer.status === 401) answer = await this.#once(service, ask, signal)
    if (answer.status < 300 || expected.includes(answer.status)) return answer
    throw httpFault(answer, asked)
  }

  /** The members of a list under `key` of one answer. Throws CLOUD_TRANSIENT when there is no such list. */
  async rows(service: Service, path: string, key: string, signal: AbortSignal): Promise<unknown[]> {
    const { body } = await this.ask(service, { method: 'GET', path }, signal)
    const { data } = z.object({ [key]: z.array(z.unknown()) }).safeParse(body)
    const rows = data?.[key]
    if (!rows) throw cloudError('CLOUD_TRANSIENT', `${service}${path.split('?')[0]} is answered without ${key}`)
    return rows
  }

  /** A page of servers with all these tags, behind `marker`; a shorter one than asked for may still have more behind it. */
  async servers(tags: readonly string[], marker: string | undefined, signal: AbortSignal): Promise<Server[]> {
    const query = new URLSearchParams({ tags: tags.join(','), limit: String(pageSize) })
    if (marker !== undefined) query.set('marker', marker)
    const rows = await this.rows('compute', `/servers/detail?${query.toString()}`, 'servers', signal)
    return rows.map(parseServer)
  }

  /** Undefined when there is none. */
  async server(id: string, signal: AbortSignal): Promise<Server | undefined> {
    const path = `/servers/${encodeURIComponent(id)}`
    const { status, body } = await this.ask('compute', { method: 'GET', path }, signal, [404])
    return status === 404 ? undefined : parseServer(memberOf(body, 'server'))
  }

  /** False when there is none. */
  async remove(id: string, signal: AbortSignal): Promise<boolean> {
    const path = `/servers/${encodeURIComponent(id)}`
    const { status } = await this.ask('compute', { method: 'DELETE', path }, signal, [404])
    return status !== 404
  }

  async #once(
    service: Service,
    { path, ...ask }: Omit<HttpAsk, 'url' | 'headers'> & { readonly path: string },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { token, urls } = await this.#keystone.token(signal)
    const url = urls.get(`${service} ${this.name}`)
    if (url === undefined) {
      throw cloudError('CLOUD_INVALID', `the catalogue has no public ${service} in region ${this.name}`)
    }
    const headers = {
      'x-auth-token': token,
      ...(service === 'compute' ? { 'openstack-api-version': computeVersion } : {}),
    }
    const answer = await askHttp({ ...ask, url: `${url}${path}`, headers }, signal)
    if (answer.status === 401) this.#keystone.forget(token)
    return answer
  }
}

/** A member of an answer. Throws CLOUD_TRANSIENT when it is not there. */
export function memberOf(body: unknown, key: string): unknown {
  if (typeof body === 'object' && body !== null && key in body) return (body as Record<string, unknown>)[key]
  throw cloudError('CLOUD_TRANSIENT', `found an answer without ${key}`)
}

function parseServer(value: unknown): Server {
  return shaped(serverSchema, value, 'server')
}
