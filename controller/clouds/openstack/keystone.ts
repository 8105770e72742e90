/** Who we are to OpenStack: a token and the catalogue of services that came with it, renewed before it expires. */
import * as z from 'zod'
import type { Clock } from '#protocol/runtime/clock.ts'
import { cloudError } from '../cloud-error.ts'
import { askHttp, httpFault } from './openstack-http.ts'

export type OpenstackCredential =
  | { readonly applicationCredentialId: string; readonly applicationCredentialSecret: string }
  | {
      readonly user: string
      readonly password: string
      readonly project: string
      /** Default `Default`. */
      readonly userDomain?: string | undefined
      readonly projectDomain?: string | undefined
    }

export interface KeystoneOptions {
  /** With its version: `https://keystone.example/v3`. */
  readonly authUrl: string
  readonly credential: OpenstackCredential
}

/** What one log-in gave. */
export interface KeystoneToken {
  readonly token: string
  readonly expiresMs: number
  /** Base URL by service type and region, without a trailing slash. */
  readonly urls: ReadonlyMap<string, string>
}

/** A token is not used in its last minute. */
const marginMs = 60_000

const answerSchema = z.object({
  token: z.object({
    expires_at: z.string(),
    catalog: z.array(
      z.object({
        type: z.string(),
        endpoints: z.array(z.object({ interface: z.string(), region: z.string().nullish(), url: z.string() })),
      }),
    ),
  }),
})

export class Keystone {
  readonly #options: KeystoneOptions
  readonly #clock: Clock
  #known: KeystoneToken | undefined

  constructor(options: KeystoneOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** A token that is good for a minute at least. Throws CLOUD_CREDENTIALS_WRONG, CLOUD_CREDENTIALS_EXPIRED, CLOUD_TRANSIENT, … */
  async token(signal: AbortSignal): Promise<KeystoneToken> {
    if (this.#known === undefined || this.#known.expiresMs - marginMs <= this.#clock.now()) {
      this.#known = await this.#logIn(signal)
    }
    return this.#known
  }

  /** A service did not take it any more. */
  forget(token: string): void {
    if (this.#known?.token === token) this.#known = undefined
  }

  async #logIn(signal: AbortSignal): Promise<KeystoneToken> {
    const { authUrl, credential } = this.#options
    const url = `${authUrl.replace(/\/+$/, '')}/auth/tokens`
    const answer = await askHttp({ method: 'POST', url, body: { auth: authOf(credential) } }, signal)
    if (answer.status >= 300) throw httpFault(answer, 'the log-in')
    const token = answer.headers.get('x-subject-token')
    const { data } = answerSchema.safeParse(answer.body)
    if (token === null || !data)
      throw cloudError('CLOUD_TRANSIENT', 'the log-in is answered without token or catalogue')
    return { token, expiresMs: Date.parse(data.token.expires_at), urls: urlsOf(data.token.catalog) }
  }
}

function authOf(credential: OpenstackCredential): unknown {
  if ('applicationCredentialId' in credential) {
    const { applicationCredentialId: id, applicationCredentialSecret: secret } = credential
    return { identity: { methods: ['application_credential'], application_credential: { id, secret } } }
  }
  const { user: name, password, project, userDomain = 'Default', projectDomain = 'Default' } = credential
  return {
    identity: { methods: ['password'], password: { user: { name, password, domain: { name: userDomain } } } },
    scope: { project: { name: project, domain: { name: projectDomain } } },
  }
}

type Catalog = z.infer<typeof answerSchema>['token']['catalog']

function urlsOf(catalog: Catalog): Map<string, string> {
  const urls = new Map<string, string>()
  for (const { type, endpoints } of catalog) {
    for (const { interface: face, region, url } of endpoints) {
      if (face === 'public') urls.set(`${type} ${region ?? ''}`, url.replace(/\/+$/, ''))
    }
  }
  return urls
}
