/** `/api/v1/instances` and what changes them: counts, starts, stops, commands, hosts that are to be empty. */
import * as z from 'zod'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import { notFound } from '#controller/applications/application-state.ts'
import type { InstanceService } from '#controller/instances/instance-service.ts'
import { explainComponent, type InstanceView, instanceViews } from '#controller/instances/instance-view.ts'
import { type PossibleHost, planHosts } from '#controller/query/plan.ts'
import { LanistaError } from '#protocol/errors.ts'
import { logLinesMax } from '#protocol/instances/log-messages.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { drainShape, execShape, explainedShape, instanceShape, scaledShape } from './instance-shapes.ts'
import type { Parameters } from './parameters.ts'
import { type Route, TextStream } from './route.ts'

export interface InstanceRoutesDeps {
  readonly instances: InstanceService
  readonly applications: Pick<ApplicationRegistry, 'wanted' | 'scale' | 'list'>
  readonly hosts: () => Iterable<PossibleHost>
  /** Whose instances the operator may see and change. */
  readonly tenant: string
}

interface ExecForm {
  readonly command: readonly string[]
  readonly timeout?: string | undefined
}

const path = '/api/v1/instances'
const execMs = { usual: 60_000, max: 600_000 }
const bodyBytesMax = 65_536
const logLines = { usual: 100, max: logLinesMax }
/** A log that is followed may be silent for so long, ms; whoever follows it asks again then. */
const logQuietMs = 3_600_000

const token = z.string().max(64).optional()
const id = z.string().max(140).describe('shop-web-1, or shop/web-1 with its slash encoded')
const execSchema: z.ZodType<ExecForm> = z.strictObject({
  command: z.array(z.string().max(16_384)).min(1).max(256),
  timeout: z.string().max(32).optional(),
})

export function instanceRoutes(deps: InstanceRoutesDeps): Route[] {
  return [...readingRoutes(deps), ...changingRoutes(deps), execRoute(deps), logRoute(deps)]
}

function readingRoutes({ instances, applications, tenant }: InstanceRoutesDeps): Route[] {
  return [
    {
      path,
      summary: 'Every instance: where it is, how it is, and what happens next.',
      parameters: z.object({ application: token, component: token, host: token.describe('its token') }),
      answer: z.array(instanceShape),
      handle: (parameters) => ({ body: views(instances).filter((view) => fits(view, parameters)) }),
    },
    {
      path: '/api/v1/explain',
      summary: 'What is wanted of a component, what is seen, the next step, and what blocks it.',
      parameters: z.object({ of: z.string().max(140).describe('shop/web, or an instance of it: shop/web-1') }),
      answer: explainedShape,
      handle: ({ of = '' }) => {
        const fleet = instances.fleet()
        const names = (one: (typeof fleet.components)[number]): string => `${one.application}/${one.component.name}`
        const whole = fleet.components.find((one) => names(one) === of)
        if (whole) return { body: explainComponent(whole, fleet, instances.decided) }
        const record = fleet.records.get(of.replace('/', '-'))
        const found = fleet.components.find(
          (one) => record && names(one) === `${record.application}/${record.component}`,
        )
        if (!record || !found) throw notFound(of, fleet.components.map(names).slice(0, 50))
        const explained = explainComponent(found, fleet, instances.decided)
        return { body: { ...explained, instances: explained.instances.filter(({ id }) => id === record.id) } }
      },
    },
    {
      path: '/api/v1/applications/:name/components/:component/scale',
      method: 'POST',
      summary: 'Wants another count of a component, within its bounds: by= so many more or less, or to= so many.',
      parameters: z.object({
        name: z.string().max(64),
        component: z.string().max(64),
        by: z.string().max(6).optional().describe('like 2 or -1'),
        to: z.string().max(6).optional(),
      }),
      answer: scaledShape,
      handle: async ({ name = '', component = '', by, to }, signal) => {
        const from = applications.wanted(tenant, name, component)
        if (from === undefined) throw notFound(`${name}/${component}`, componentNames(applications.list(tenant)))
        const scale = { application: name, component, from, to: countOf(from, by, to) }
        const made = await applications.scale(tenant, scale, signal)
        return { body: { application: name, component, ...made } }
      },
    },
  ]
}

function changingRoutes(deps: InstanceRoutesDeps): Route[] {
  const { instances, hosts, tenant } = deps
  const shown = (name: string): object => views(instances).find((view) => view.id === instances.find(name).id) ?? {}
  const changing = (
    verb: string,
    summary: string,
    change: (name: string, signal: AbortSignal) => Promise<void>,
  ): Route => ({
    path: `${path}/:id/${verb}`,
    method: 'POST',
    quietMs: 90_000,
    summary,
    parameters: z.object({ id }),
    answer: instanceShape,
    handle: async ({ id = '' }, signal) => {
      await change(id, signal)
      return { body: shown(id) }
    },
  })
  return [
    changing('start', 'Lets an instance run that was stopped.', (name, signal) =>
      instances.setStopped(name, false, signal),
    ),
    changing('stop', 'Stops an instance; it stays installed, and counts.', (name, signal) =>
      instances.setStopped(name, true, signal),
    ),
    changing('restart', 'Has an instance stopped and started again, now.', (name, signal) =>
      instances.restart(name, signal),
    ),
    {
      path: '/api/v1/hosts/drain',
      method: 'POST',
      summary: 'Empties a host: its instances leave as others take their place. Ask again to see how far it is.',
      parameters: z.object({
        host: z.string().max(256).describe('its token, or tenant.cloud.host'),
        cloud: token,
        deadline: z.string().max(32).optional().describe('they leave then in any case: 10m'),
        cancel: z.enum(['0', '1']).optional().describe('1 = it may have instances again'),
      }),
      answer: drainShape,
      handle: async ({ host = '', cloud, deadline, cancel }, signal) => {
        const [only, ...more] = planHosts(hosts(), { tenant, host, cloud })
        if (!only || more.length > 0)
          throw new LanistaError(
            'HOST_UNKNOWN',
            `name one host, or its cloud too: found ${only ? 'several' : 'none'} for ${host}`,
          )
        const target = hostIdOf(only.owner)
        await instances.drain(
          target,
          deadline === undefined ? undefined : parseDuration(deadline),
          cancel !== '1',
          signal,
        )
        return { body: { ...drainOf(instances, target), host: only.owner.host, cloud: only.owner.cloud } }
      },
    },
  ]
}

function execRoute({ instances }: InstanceRoutesDeps): Route {
  return {
    path: `${path}/:id/exec`,
    method: 'POST',
    takes: { bytesMax: bodyBytesMax, types: ['application/json'] },
    quietMs: execMs.max + 60_000,
    summary:
      'Runs one command inside an instance, with its environment: JSON with command (an argument vector) and timeout.',
    parameters: z.object({ id }),
    answer: execShape,
    handle: async ({ id = '' }, signal, { text }) => {
      const { command, timeout } = parseExec(text)
      const timeoutMs = execTimeoutMs(timeout)
      const { code, signal: by, output, isTimedOut } = await instances.exec(id, command, timeoutMs, signal)
      return { body: { code, signal: by, output, is_timed_out: isTimedOut } }
    },
  }
}

function logRoute({ instances }: InstanceRoutesDeps): Route {
  return {
    path: `${path}/:id/log`,
    quietMs: logQuietMs,
    summary: 'The newest lines of an instance’s log; with follow=1 what comes, too.',
    parameters: z.object({
      id,
      lines: z.string().max(6).optional().describe(`to begin with; default ${logLines.usual}, up to ${logLines.max}`),
      follow: z.enum(['0', '1']).optional(),
    }),
    produces: 'text/plain',
    handle: async ({ id = '', lines: text = `${logLines.usual}`, follow }, signal) => {
      const lines = Number(text)
      if (!/^\d+$/.test(text) || lines > logLines.max) {
        throw new LanistaError('QUERY_INVALID', `change lines: found ${text}, expected a number up to ${logLines.max}`)
      }
      const log = await instances.log(id, { lines, isFollowed: follow === '1' }, signal)
      return { contentType: 'text/plain; charset=utf-8', body: new TextStream(withEnds(log.lines())) }
    },
  }
}

async function* withEnds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`
}

function views(instances: InstanceService): InstanceView[] {
  return instanceViews(instances.fleet(), instances.decided)
}

function fits(view: InstanceView, { application, component, host }: Parameters): boolean {
  const isOrAny = (wanted: string | undefined, found: string): boolean => wanted === undefined || wanted === found
  return isOrAny(application, view.application) && isOrAny(component, view.component) && isOrAny(host, view.host)
}

function drainOf(instances: InstanceService, target: string): object {
  const fleet = instances.fleet()
  const drain = fleet.hosts.get(target)?.drain
  const there = [...fleet.records.values()].filter(({ host }) => host === target)
  return {
    is_drained: drain !== undefined,
    deadline_ms: drain?.deadlineMs ?? null,
    instances: there.map(({ id }) => id),
  }
}

function countOf(from: number, by: string | undefined, to: string | undefined): number {
  const text = by ?? to
  const isOne = (by === undefined) !== (to === undefined)
  if (!isOne || text === undefined || !/^[+-]?\d{1,5}$/.test(text)) {
    throw new LanistaError(
      'QUERY_INVALID',
      `give by= or to= a number: found by=${by ?? ''} to=${to ?? ''}, expected one of them`,
    )
  }
  return by === undefined ? Number(text) : from + Number(text)
}

function componentNames(applications: ReturnType<InstanceRoutesDeps['applications']['list']>): string[] {
  return applications.flatMap(({ name, wanted }) => [...wanted.keys()].map((component) => `${name}/${component}`))
}

/** Throws BODY_INVALID. */
function execTimeoutMs(text: string | undefined): number {
  const timeoutMs = text === undefined ? execMs.usual : parseDuration(text)
  if (timeoutMs <= execMs.max) return timeoutMs
  throw new LanistaError(
    'BODY_INVALID',
    `give another timeout: found ${text ?? ''}, expected at most ${execMs.max / 60_000}m`,
  )
}

/** Throws BODY_INVALID. */
function parseExec(text: string): ExecForm {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const result = execSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const expected = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'expected another shape'
  throw new LanistaError('BODY_INVALID', `correct the command: ${expected}`)
}
