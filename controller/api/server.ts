/** HTTP for operators: routes from a list, the same check for each of them, and nothing without the token. */
import { Readable } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import * as z from 'zod'
import { expectRole } from '#controller/access/permissions.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Credential, challenges, type Principal, principalOf, type Recognise } from './authentication.ts'
import { docsPageOf } from './docs-page.ts'
import { openApiOf } from './openapi.ts'
import { parseParameters } from './parameters.ts'
import { problemOf, statusOf } from './problem.ts'
import { archiveTypes, type RequestBody, type Route, type RouteAnswer, TextStream } from './route.ts'
import { textBody } from './text-body.ts'

export interface ApiServerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly credential: Credential
}

export interface ApiServerDeps {
  readonly routes: readonly Route[]
  /** Tokens other than the operator's. */
  readonly recognise: Recognise
  /** Told of each request that is no GET once it is known what came of it; the answer waits for it, and fails with it. */
  readonly audit: (fact: RequestFact) => Promise<void>
  /** Counted up by the server. */
  readonly counters: HttpCounters
  readonly logger: Logger
}

/** What may be remembered of a request: nothing of its body. */
export interface RequestFact {
  readonly who: string
  /** Address of the client. */
  readonly from: string
  /** Method, path and query. */
  readonly action: string
  readonly status: number
  /** `done`, or the code of the refusal. */
  readonly outcome: string
}

/** Requests, and of them those refused for what they ask, those without the token, those that failed here. */
export interface HttpCounters {
  requests: number
  refused: number
  unauthorized: number
  failed: number
  /** Connections closed at once because there were too many. */
  connectionsDropped: number
}

export function newHttpCounters(): HttpCounters {
  return { requests: 0, refused: 0, unauthorized: 0, failed: 0, connectionsDropped: 0 }
}

/** Connections at once; more are closed at once. */
const connectionsMax = 512
/** A route that takes none lets a body of this size pass unread. */
const bodyBytesMax = 1024
/** Characters of a request's method, path and query that are remembered. */
const actionLengthMax = 512
/** A request that takes longer to arrive is ended, ms. */
const requestTimeoutMs = 10_000
/** The same for one with an archive, ms. */
const archiveTimeoutMs = 900_000
/** How often Node looks for such requests, ms; at its default of 30,000 a slow client held its connection for 40 s. */
const timeoutCheckMs = 2000

export class ApiServer {
  readonly url: string
  readonly #app: FastifyInstance

  private constructor(app: FastifyInstance, url: string) {
    this.#app = app
    this.url = url
  }

  /** Listens. Throws PORT_IN_USE, or HTTP_LISTEN_FAILED for an address that cannot be listened on. */
  static async open(options: ApiServerOptions, deps: ApiServerDeps): Promise<ApiServer> {
    const app = appOf(options.credential, deps)
    try {
      return new ApiServer(app, await app.listen({ host: options.host, port: options.port }))
    } catch (error) {
      await app.close()
      throw listenError(error, options)
    }
  }

  /** Ends open connections. Idempotent. */
  async close(): Promise<void> {
    await this.#app.close()
  }
}

function appOf(credential: Credential, { routes, counters, logger, audit, recognise }: ApiServerDeps): FastifyInstance {
  const principals = new WeakMap<FastifyRequest, Principal>()
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: archiveTimeoutMs,
    connectionTimeout: requestTimeoutMs * 3,
    forceCloseConnections: true,
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: timeoutCheckMs },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, counters, logger),
  })
  app.server.maxConnections = connectionsMax
  app.server.on('drop', () => counters.connectionsDropped++)
  app.addHook('onRequest', async (request, reply) => {
    counters.requests++
    if (!archiveTypes.includes(typeOf(request))) expectWhole(request, reply)
    const principal = principalOf(request.headers.authorization, credential, recognise)
    if (principal) principals.set(request, principal)
    else await refuse(reply, counters)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text))
  app.addContentTypeParser([...archiveTypes], (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, counters, logger))
  app.setNotFoundHandler((request, reply) => answerError(notFound(request, routes), request, reply, counters, logger))
  for (const route of [...routes, ...documentRoutes(routes)]) {
    const { method = 'GET', path: url, quietMs, takes } = route
    app.route({
      method,
      url,
      bodyLimit: takes?.bytesMax ?? bodyBytesMax,
      handler: async (request, reply) => {
        if (quietMs !== undefined) request.raw.setTimeout(quietMs)
        const principal = principals.get(request)
        if (!principal) return refuse(reply, counters)
        const tell = (status: number, outcome: string): Promise<void> =>
          method === 'GET' ? Promise.resolve() : audit({ ...factOf(request, principal), status, outcome })
        await send(reply, await told(() => answerOf(route, principal, request, reply), tell, logger))
      },
    })
  }
  return app
}

/** The one place where roles are asked. */
async function answerOf(
  route: Route,
  { role }: Principal,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<RouteAnswer> {
  expectRole(role, route.method ?? 'GET', route.path)
  const parameters = parseParameters(route, { ...(request.query as object), ...(request.params as object) })
  return route.handle(parameters, goneSignal(reply), requestBodyOf(request))
}

/** The one place where the audit log hears of anything. A refusal that cannot be told is answered all the same: nothing came of it, and our own log says so. */
async function told(
  work: () => Promise<RouteAnswer>,
  tell: (status: number, outcome: string) => Promise<void>,
  logger: Logger,
): Promise<RouteAnswer> {
  let answer: RouteAnswer
  try {
    answer = await work()
  } catch (error) {
    await tell(statusOf(error), problemOf(error).code).catch((failure: unknown) =>
      logger.error({ error: messageOf(failure) }, 'audit_unwritten'),
    )
    throw error
  }
  await tell(answer.status ?? 200, 'done')
  return answer
}

function factOf({ ip, method, url }: FastifyRequest, { who }: Principal): Omit<RequestFact, 'status' | 'outcome'> {
  return { who, from: ip, action: `${method} ${url}`.slice(0, actionLengthMax) }
}

/** `/openapi.json` and `/docs`, made once. */
function documentRoutes(routes: readonly Route[]): Route[] {
  const document = openApiOf(routes)
  const page = docsPageOf(document)
  const common = { summary: 'This API.', parameters: z.object({}) }
  return [
    { path: '/openapi.json', ...common, handle: () => ({ body: document }) },
    { path: '/docs', ...common, handle: () => ({ contentType: 'text/html; charset=utf-8', body: page }) },
  ]
}

async function refuse(reply: FastifyReply, counters: HttpCounters): Promise<void> {
  counters.unauthorized++
  const error = new LanistaError(
    'UNAUTHORIZED',
    'send a token as "Authorization: Bearer …": found none, or one that is unknown, revoked or expired, expected the operator’s or one of "lanista tokens"',
  )
  await reply
    .code(401)
    .header('www-authenticate', [...challenges])
    .send(problemOf(error))
}

async function send(reply: FastifyReply, answer: RouteAnswer): Promise<void> {
  const { status = 200, contentType = 'application/json; charset=utf-8', body, headers = {} } = answer
  reply
    .code(status)
    .headers({ 'cache-control': 'no-store', ...headers })
    .type(contentType)
  if (body instanceof TextStream) await reply.send(bodyOf(body))
  else await reply.send(typeof body === 'string' ? body : JSON.stringify(body))
}

function bodyOf({ pieces }: TextStream): Buffer | Readable {
  return Symbol.iterator in pieces ? textBody(pieces) : Readable.from(pieces)
}

/** Ends a request whose body has not come in time: Node's own clock is set for the slowest archive. */
function expectWhole({ raw }: FastifyRequest, reply: FastifyReply): void {
  const timer = setTimeout(() => {
    if (!raw.complete) raw.destroy()
  }, requestTimeoutMs)
  timer.unref()
  reply.raw.once('close', () => clearTimeout(timer))
}

function typeOf({ headers }: FastifyRequest): string {
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  return type.trim().toLowerCase()
}

function requestBodyOf(request: FastifyRequest): RequestBody {
  const { body } = request
  // who refuses the rest of it has an answer to give: the connection stays
  const bytes = body instanceof Readable ? { bytes: body.iterator({ destroyOnReturn: false }) } : {}
  return { type: typeOf(request), text: typeof body === 'string' ? body : '', ...bytes }
}

/** Aborts when the connection ends before the answer does. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new LanistaError('CLIENT_GONE', 'ask again: the client went away'))
  })
  return gone.signal
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  counters: HttpCounters,
  logger: Logger,
): void {
  const status = statusOf(error)
  if (status >= 500) {
    counters.failed++
    logger.error({ url: request.url.slice(0, 200), error: messageOf(error) }, 'http_failed')
  } else counters.refused++
  void reply.code(status).send(problemOf(error))
}

function notFound(request: FastifyRequest, routes: readonly Route[]): LanistaError {
  const known = [
    ...routes.map(({ method = 'GET', path }) => (method === 'GET' ? path : `${path} (${method})`)),
    '/openapi.json',
    '/docs',
  ]
  return new LanistaError(
    'NOT_FOUND',
    `ask for another path: found ${request.method} ${request.url.slice(0, 200)}, expected GET of one of ${known.join(', ')}`,
    { data: { known } },
  )
}

function listenError(cause: unknown, { host, port }: ApiServerOptions): LanistaError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const place = formatHostPort(host, port)
  if (code === 'EADDRINUSE') {
    return new LanistaError(
      'PORT_IN_USE',
      `choose another port with --http-port (0 = any free one): found ${place} in use, expected to listen there`,
      { cause, data: { host, port, flag: '--http-port' } },
    )
  }
  return new LanistaError(
    'HTTP_LISTEN_FAILED',
    `choose another address or port with --http-port: found ${place} refused (${messageOf(cause)}), expected to listen there`,
    { cause, data: { host, port } },
  )
}
