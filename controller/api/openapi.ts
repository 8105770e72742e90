import * as z from 'zod'
import { version } from '#protocol/runtime/version.ts'
import type { Route } from './route.ts'

/** As much of an OpenAPI 3.1 document as we write; its schemas are JSON Schema 2020-12, which zod speaks. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly security: readonly object[]
  readonly paths: Readonly<Record<string, OpenApiPath>>
  readonly components: object
}

/** A path has one method here. */
export interface OpenApiPath {
  readonly get?: OpenApiOperation
  readonly post?: OpenApiOperation
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly OpenApiParameter[]
  readonly responses: Readonly<Record<string, object>>
}

export interface OpenApiParameter {
  readonly name: string
  readonly in: 'query'
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
    paths: Object.fromEntries(
      routes.map((route) => [
        route.path,
        route.method === 'POST' ? { post: operationOf(route) } : { get: operationOf(route) },
      ]),
    ),
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

function operationOf(route: Route): OpenApiOperation {
  const content = route.answer
    ? { 'application/json': { schema: schemaOf(route.answer) } }
    : { [route.produces ?? 'text/plain']: { schema: { type: 'string' } } }
  return {
    operationId: route.path.replace(/[^a-z0-9]+/gi, '_').replace(/^_|_$/g, ''),
    summary: route.summary,
    parameters: Object.entries(route.parameters.shape).map(([name, schema]) => parameterOf(name, schema as z.ZodType)),
    responses: { 200: { description: 'The answer.', content }, 400: problem, 401: problem, 413: problem, 500: problem },
  }
}

function parameterOf(name: string, schema: z.ZodType): OpenApiParameter {
  return {
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    description: schema.description ?? '',
    schema: schemaOf(schema),
  }
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'output' })
  return rest
}
