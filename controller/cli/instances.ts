/** `lanista instances`, `explain`, `scale`, `start`, `stop`, `restart`: what runs, why, and how many of it. */
import { z } from 'zod'
import { notFound } from '#controller/applications/application-state.ts'
import { LanistaError } from '#protocol/errors.ts'
import { parseAnswer, parseHosts } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import {
  explainedSchema,
  explainedText,
  type InstanceAnswer,
  instanceSchema,
  instancesText,
} from './instance-answers.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'
import { unknownPlaceText } from './unknown-place.ts'

export interface InstancesFlags extends SharedFlags {
  readonly application?: string | undefined
  readonly host?: string | undefined
}

/** Where the instances are. */
export const instancesPath = '/api/v1/instances'
/** A restart waits for its host. */
const changeDeadlineMs = 75_000

const doing = { start: 'starting', stop: 'stopping', restart: 'restarting' } as const

const scaledSchema = z.object({ application: z.string(), component: z.string(), from: z.number(), to: z.number() })

/** Every instance as a table. */
export async function runInstances(
  { application, host, ...flags }: InstancesFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(instancesPath, { application, host }, terminal.stop)
  const instances = parseAnswer(z.array(instanceSchema), answer, 'instances')
  if (instances.length === 0) await expectKnown({ application, host }, client, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(instancesText(instances, Date.now()))
  return 0
}

/** Is there nothing because there is no such application or host? Throws NOT_FOUND, HOST_UNKNOWN. */
async function expectKnown(
  { application, host }: Pick<InstancesFlags, 'application' | 'host'>,
  client: ControllerClient,
  stop: AbortSignal,
): Promise<void> {
  if (application !== undefined) {
    const answer = await client.get('/api/v1/applications', {}, stop)
    const names = parseAnswer(z.array(z.object({ name: z.string() })), answer, 'applications').map(({ name }) => name)
    if (!names.includes(application)) throw notFound(application, names)
  }
  if (host === undefined) return
  const hosts = parseHosts(await client.get('/api/v1/hosts', {}, stop))
  if (!hosts.some(({ id }) => id === host)) throw new LanistaError('HOST_UNKNOWN', unknownPlaceText({ host }, hosts))
}

/** What is wanted of a component or an instance, what is seen, the next step, what blocks it. */
export async function runExplain(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get('/api/v1/explain', { of: name }, terminal.stop)
  const explained = parseAnswer(explainedSchema, answer, 'explain')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(explainedText(explained))
  return 0
}

/** `scale shop/web +2`, `=3`, `-1`. */
export async function runScale(name: string, count: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const [application = '', component = '', ...more] = name.split('/')
  if (application === '' || component === '' || more.length > 0) {
    throw usageError(`name a component like shop/web: found ${name}`)
  }
  const [, sign, digits] = /^([=+-]?)(\d{1,5})$/.exec(count) ?? []
  if (digits === undefined) throw usageError(`give a count like +2, -1 or =3: found ${count}`)
  const isRelative = sign === '+' || sign === '-'
  const path = `/api/v1/applications/${encodeURIComponent(application)}/components/${encodeURIComponent(component)}/scale`
  const client = await openClient(flags, terminal)
  const params = isRelative ? { by: `${sign}${digits}` } : { to: digits }
  const answer = await client.send('POST', path, params, undefined, terminal.stop)
  const { from, to } = parseAnswer(scaledSchema, answer, 'scale')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(name)} ${from === to ? `${to} wanted already` : `${from} → ${to} wanted`}\n`)
  return 0
}

/** Starts, stops or restarts one instance. */
export async function runInstanceChange(
  verb: 'start' | 'stop' | 'restart',
  name: string,
  flags: SharedFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const client = await openClient(flags, terminal, changeDeadlineMs)
  const path = `${instancesPath}/${encodeURIComponent(name)}/${verb}`
  const answer = await client.send('POST', path, {}, undefined, terminal.stop)
  const instance = parseAnswer(instanceSchema, answer, verb)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(changeText(verb, instance))}\n`)
  return 0
}

/** What is being done: the answer comes before its host has done it, and its state is still the one of before. */
function changeText(verb: 'start' | 'stop' | 'restart', { name, state }: InstanceAnswer): string {
  if (verb === 'stop' && state === 'stopped') return `${name} stopped already`
  if (verb === 'start' && state === 'running') return `${name} running already`
  return `${name} ${doing[verb]}; it was ${state}`
}
