/** `/api/v1/applications`, `/api/v1/monitors`: what is in force, what would change, and what is measured of it. */
import * as z from 'zod'
import { fileBytesMax } from '#controller/applications/application-document.ts'
import type { ApplicationRegistry, ApplyOutcome } from '#controller/applications/application-registry.ts'
import { type AppliedApplication, notFound } from '#controller/applications/application-state.ts'
import { listMonitors, type MonitorListDeps } from '#controller/applications/monitor-list.ts'
import type { ApplicationPlan } from '#controller/applications/plan.ts'
import { openApplicationFile } from '#controller/applications/secrets.ts'
import { LanistaError } from '#protocol/errors.ts'
import { applicationShape, applicationsShape, monitorsShape, outcomeShape, plannedShape } from './application-shapes.ts'
import type { Parameters } from './parameters.ts'
import type { RequestBody, Route, RouteAnswer } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface ApplicationRoutesDeps extends MonitorListDeps {
  readonly applications: ApplicationRegistry
}

const path = '/api/v1/applications/:name'
const yamlType = 'application/yaml'
const takes = { bytesMax: fileBytesMax, types: [yamlType, 'application/json'] }
const name = z.string().max(64).describe('name of the application')
const generation = z.string().max(15).optional()
const expecting = generation.describe('refuse with 409 unless this one is in force; 0 = none')

export function applicationRoutes(deps: ApplicationRoutesDeps): Route[] {
  return [...readingRoutes(deps), ...changingRoutes(deps)]
}

function readingRoutes(deps: ApplicationRoutesDeps): Route[] {
  const { applications, tenant } = deps
  return [
    {
      path: '/api/v1/applications',
      summary: 'Every application in force, with the counts wanted of its components.',
      parameters: z.object({}),
      answer: applicationsShape,
      handle: () => ({ body: applications.list(tenant).map(rowOf) }),
    },
    {
      path,
      summary: 'One application: what its file means, and the versions that can be had again.',
      parameters: z.object({ name }),
      answer: applicationShape,
      handle: ({ name }) => ({ body: viewOf(found(deps, name)) }),
    },
    {
      path: `${path}/file`,
      summary: 'The file as it was applied, without its secrets.',
      parameters: z.object({ name, generation: generation.describe('an earlier version') }),
      produces: yamlType,
      handle: ({ name, generation }) => ({
        contentType: `${yamlType}; charset=utf-8`,
        body: textOf(found(deps, name), numberOf('generation', generation)),
      }),
    },
    {
      path: '/api/v1/monitors',
      summary: 'Every monitor with where it is computed and its newest values.',
      parameters: z.object({ application: z.string().max(64).optional().describe('of this application only') }),
      answer: monitorsShape,
      handle: async ({ application }, signal) => {
        if (application !== undefined) found(deps, application)
        const { monitors, answered, unanswered } = await listMonitors(deps, application, signal)
        return { body: monitors, headers: unansweredHeaders(unanswered, answered) }
      },
    },
  ]
}

function changingRoutes(deps: ApplicationRoutesDeps): Route[] {
  const { applications, tenant } = deps
  return [
    {
      path: `${path}/plan`,
      method: 'POST',
      takes,
      summary: 'What applying the file would change; changes nothing.',
      parameters: z.object({ name }),
      answer: plannedShape,
      handle: ({ name = '' }, _signal, { text }) => {
        const { file } = openApplicationFile(text, 'file')
        refuseOther(name, file.name)
        return {
          body: { generation: applications.get(tenant, name)?.generation ?? 0, plan: applications.plan(tenant, file) },
        }
      },
    },
    {
      path,
      method: 'PUT',
      takes,
      summary: 'Puts the file in force, whole or not at all; the same file again changes nothing.',
      parameters: z.object({ name, generation: expecting }),
      answer: outcomeShape,
      handle: (parameters, signal, body) => apply(deps, parameters, signal, body),
    },
    {
      path,
      method: 'DELETE',
      summary: 'Removes the application with its monitors, rules, subscriptions and earlier versions.',
      parameters: z.object({
        name,
        generation: expecting,
        dry: z.enum(['true']).optional().describe('only say what would go'),
      }),
      answer: outcomeShape,
      handle: async ({ name = '', generation, dry }, signal) => {
        if (dry) {
          const { generation } = found(deps, name)
          return { body: outcomeOf({ plan: applications.planRemoval(tenant, name), generation, isChanged: false }) }
        }
        const expected = { generation: numberOf('generation', generation) }
        return { body: outcomeOf(await applications.remove(tenant, name, expected, signal)) }
      },
    },
  ]
}

async function apply(
  { applications, tenant }: ApplicationRoutesDeps,
  { name = '', generation }: Parameters,
  signal: AbortSignal,
  { text }: RequestBody,
): Promise<RouteAnswer> {
  refuseOther(name, openApplicationFile(text, 'file').file.name)
  const expected = { generation: numberOf('generation', generation) }
  return { body: outcomeOf(await applications.apply(tenant, text, expected, signal)) }
}

function found({ applications, tenant }: ApplicationRoutesDeps, name = ''): AppliedApplication {
  const application = applications.get(tenant, name)
  if (application) return application
  throw notFound(
    name,
    applications.list(tenant).map(({ name }) => name),
  )
}

function refuseOther(name: string, inFile: string): void {
  if (name === inFile) return
  throw new LanistaError(
    'BODY_INVALID',
    `send the file to its own application: found ${JSON.stringify(inFile)} in the file, expected ${JSON.stringify(name)} as in the path`,
    { data: { name, inFile } },
  )
}

function numberOf(parameter: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new LanistaError(
    'QUERY_INVALID',
    `change the parameter ${parameter}: found ${JSON.stringify(text)}, expected a whole number`,
    { data: { parameter } },
  )
}

function rowOf({ name, generation, appliedAtMs, file, problem, wanted }: AppliedApplication): object {
  return {
    name,
    generation,
    applied_at_ms: appliedAtMs,
    components: Object.fromEntries(wanted),
    monitors: file?.monitors.length ?? 0,
    rules: file?.rules.length ?? 0,
    subscriptions: file?.subscriptions.length ?? 0,
    problem: problem ?? null,
  }
}

function viewOf(application: AppliedApplication): object {
  const { name, generation, appliedAtMs, file, problem, wanted, versions } = application
  return {
    name,
    generation,
    applied_at_ms: appliedAtMs,
    problem: problem ?? null,
    wanted: Object.fromEntries(wanted),
    components: file?.components ?? [],
    monitors: file?.monitors ?? [],
    rules: file?.rules ?? [],
    subscriptions: file?.subscriptions ?? [],
    versions: versions.map(({ generation, appliedAtMs }) => ({ generation, applied_at_ms: appliedAtMs })),
  }
}

function textOf({ name, text, versions }: AppliedApplication, generation: number | undefined): string {
  if (generation === undefined) return text
  const version = versions.find((version) => version.generation === generation)
  if (version) return version.text
  throw notFound(
    `generation ${generation} of ${name}`,
    versions.map(({ generation }) => `${generation}`),
  )
}

function outcomeOf({ plan, generation, isChanged }: ApplyOutcome): {
  plan: ApplicationPlan
  generation: number
  is_changed: boolean
} {
  return { plan, generation, is_changed: isChanged }
}
