import * as z from 'zod'
import { version } from '#protocol/runtime/version.ts'
import type { BodySpec, Route, RouteMethod } from './route.ts'

/** As much of an OpenAPI 3.1 document as we write; its schemas are JSON Schema 2020-12, which zod speaks. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly security: readonly object[]
  readonly paths: Readonly<Record<string, OpenApiPath>>
  readonly components: object
}

/** The operations of a path by method. */
export type OpenApiPath = Readonly<Partial<Record<Lowercase<RouteMethod>, OpenApiOperation>>>

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly OpenApiParameter[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}

export interface OpenApiParameter {
  readonly name: string
  readonly in: 'query' | 'path'
  readonly required: boolean
  readonly description: string
  readonly schema: object
}

const problem = { $ref: '#/components/responses/Problem' }

/** The document of the routes. */
export function openApiOf(routes: readonly Route[]): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'lanista controller',
      version,
      description: 'The hosts of the fleet and their recent samples. Every path needs the operator’s token.',
    },
    security: [{ bearer: [] }, { basic: [] }],
    paths: pathsOf(routes),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, basic: { type: 'http', scheme: 'basic' } },
      schemas: {
        Problem: {
          type: 'object',
          required: ['code', 'message', 'data'],
          properties: { code: { type: 'string' }, message: { type: 'string' }, data: { type: 'object' } },
        },
      },
      responses: {
        Problem: {
          description: 'What was found and what was expected; the code is the contract.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  }
}

/** Paths in the order of the routes, each with all its methods. */
function pathsOf(routes: readonly Route[]): Record<string, OpenApiPath> {
  const paths: Record<string, OpenApiPath> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    const method = (route.method ?? 'GET').toLowerCase() as Lowercase<RouteMethod>
    paths[path] = { ...paths[path], [method]: operationOf(route) }
  }
  return paths
}

function operationOf(route: Route): OpenApiOperation {
  const content = route.answer
    ? { 'application/json': { schema: schemaOf(route.answer) } }
    : { [route.produces ?? 'text/plain']: { schema: { type: 'string' } } }
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    parameters: Object.entries(route.parameters.shape).map(([name, schema]) =>
      parameterOf(name, schema as z.ZodType, route.path.split('/').includes(`:${name}`)),
    ),
    ...(route.takes ? { requestBody: requestBodyOf(route.takes) } : {}),
    responses: { 200: { description: 'The answer.', content }, 400: problem, 401: problem, 413: problem, 500: problem },
  }
}

/** Unique: a path may have several methods. */
function operationIdOf({ method = 'GET', path }: Route): string {
  const words = method === 'GET' ? path : `${method.toLowerCase()}_${path}`
  return words.replace(/[^a-z0-9]+/gi, '_').replace(/^_|_$/g, '')
}

function requestBodyOf({ types }: BodySpec): object {
  return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema: {} }])) }
}

function parameterOf(name: string, schema: z.ZodType, isInPath: boolean): OpenApiParameter {
  return {
    name,
    in: isInPath ? 'path' : 'query',
    required: !schema.safeParse(undefined).success,
    description: schema.description ?? '',
    schema: schemaOf(schema),
  }
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'output' })
  return rest
}
