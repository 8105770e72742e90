/** `/api/v1/services`: scripts of generic services, and how they are on each host. */
import * as z from 'zod'
import { ScriptDesk, type ScriptDeskDeps, type ServiceInstance } from '#controller/instances/script-desk.ts'
import { LanistaError } from '#protocol/errors.ts'
import {
  type AskedScript,
  askedScripts,
  parametersLengthMax,
  parametersMax,
  scriptNames,
} from '#protocol/instances/scripts.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import type { Route } from './route.ts'

const path = '/api/v1/services/:application/:component'
/** Parameters and what JSON makes of them. */
const bodyBytesMax = parametersLengthMax * 6 + 4096
/** Two answers of each member, ms. */
const quietMs = 60_000

const name = z.string().max(64)
const script = z
  .strictObject({
    state: z.enum(['running', 'stopped']),
    code: z.int().nullable().describe('its return code; null while it runs, and where nobody could see it'),
    since_ms: z.number().describe('when it was started, by the clock of its host'),
  })
  .nullable()
  .describe('null = never started')

export const serviceShape: z.ZodType = z.strictObject({
  application: z.string(),
  component: z.string(),
  term: z.int().describe('higher for each other master; 0 before the first'),
  instances: z.array(
    z.strictObject({
      name: z.string(),
      cloud: z.string(),
      host: z.string(),
      role: z.enum(['master', 'node']),
      is_member: z.boolean().describe('it has come up once and counts: scripts run there'),
      scripts: z
        .strictObject({ init: script, run: script, interrupt: script, cleanup: script, notify: script })
        .nullable()
        .describe('null = its host says nothing'),
    }),
  ),
})

export const scriptsAskedShape: z.ZodType = z.strictObject({
  request: z.string(),
  done: z.array(z.string()).describe('instances where it is on its way'),
  failed: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
})

const formSchema = z.strictObject({
  parameters: z
    .array(z.string())
    .max(parametersMax)
    .refine((all) => all.join('').length <= parametersLengthMax, `expected at most ${parametersLengthMax} characters`)
    .optional(),
})

export function serviceRoutes(deps: ScriptDeskDeps): Route[] {
  const desk = new ScriptDesk(deps)
  return [
    {
      path,
      summary: 'A service: its instances, who of them is the master, and how each script is on each host.',
      parameters: z.object({ application: name, component: name }),
      answer: serviceShape,
      handle: ({ application = '', component = '' }) => {
        const { term, instances } = desk.view(application, component)
        return { body: { application, component, term, instances: instances.map(shown) } }
      },
    },
    {
      path: `${path}/:script`,
      method: 'POST',
      takes: { bytesMax: bodyBytesMax, types: ['application/json'] },
      quietMs,
      summary:
        'Runs a script on all members, or on none: JSON with parameters (a list) where they are others than those of the component. ' +
        'A second interrupt ends what runs, and kills what does not end.',
      parameters: z.object({ application: name, component: name, script: z.enum(askedScripts) }),
      answer: scriptsAskedShape,
      handle: async ({ application = '', component = '', script }, signal, { text }) => {
        const parameters = text === '' ? undefined : parseForm(text)
        return { body: await desk.ask(application, component, script as AskedScript, parameters, signal) }
      },
    },
  ]
}

function shown({ name, cloud, host, role, isMember, scripts }: ServiceInstance): object {
  const each = scriptNames.map((script) => {
    const status = scripts?.[script]
    return [script, status ? { state: status.state, code: status.code, since_ms: status.sinceMs } : null]
  })
  return { name, cloud, host, role, is_member: isMember, scripts: scripts ? Object.fromEntries(each) : null }
}

/** Throws BODY_INVALID. */
function parseForm(text: string): readonly string[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const result = formSchema.safeParse(value)
  if (result.success) return result.data.parameters
  const issue = result.error.issues[0]
  const expected = issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'expected another shape'
  throw new LanistaError('BODY_INVALID', `correct the parameters: ${expected}`)
}
