/** `lanista subscriptions`: who is told what; made, tried and ended. Secrets come from a file or stdin, never from the command line. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf } from '#protocol/errors.ts'
import { type Comparison, comparisons } from '#protocol/monitors/model.ts'
import { parseAnswer } from './answers.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import { type ExitCode, usageError } from './exit-code.ts'
import { formatNumber } from './figures.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

/** The flags of `add`; those of the sink say which sink it is. */
export interface SubscriptionFlags extends SharedFlags, Partial<Record<Comparison, string>> {
  readonly match?: readonly string[] | undefined
  readonly scope?: string | undefined
  readonly cloud?: string | undefined
  readonly host?: string | undefined
  readonly onChange?: boolean | undefined
  /** True where no subject is named. */
  readonly bus?: string | true | undefined
  readonly webhook?: string | undefined
  readonly carbon?: string | undefined
  readonly tags?: boolean | undefined
  readonly influx?: string | undefined
  readonly database?: string | undefined
  readonly org?: string | undefined
  readonly bucket?: string | undefined
  readonly remoteWrite?: string | undefined
  readonly user?: string | undefined
  readonly secretFile?: string | undefined
}

interface SubscriptionAnswer {
  readonly id: string
  readonly match: string | readonly string[]
  readonly to: Readonly<Record<string, unknown>>
  readonly state: string
  readonly last_error: string | null
  readonly queued: number
  readonly delivered: number
  readonly refused: number
  readonly dropped: number
}

const path = '/api/v1/subscriptions'

const listSchema: z.ZodType<readonly SubscriptionAnswer[]> = z.array(
  z.object({
    id: z.string(),
    match: z.union([z.string(), z.array(z.string())]),
    to: z.record(z.string(), z.unknown()),
    state: z.string(),
    last_error: z.string().nullable(),
    queued: z.number(),
    delivered: z.number(),
    refused: z.number(),
    dropped: z.number(),
  }),
)
const putSchema = z.object({ id: z.string(), outcome: z.string() })
const trialSchema = z.object({ is_delivered: z.boolean(), took_ms: z.number(), reason: z.string().nullable() })

const columns: readonly Column[] = [
  { title: 'SUBSCRIPTION', align: 'left' },
  { title: 'MATCH', align: 'left' },
  { title: 'TO', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'DELIVERED', align: 'right' },
  { title: 'WAITING', align: 'right' },
  { title: 'REFUSED', align: 'right' },
  { title: 'DROPPED', align: 'right' },
]

/** Lists them; those that fail are named on stderr with the reason. */
export async function runSubscriptions(flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(path, {}, terminal.stop)
  const subscriptions = parseAnswer(listSchema, answer, 'subscriptions')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(renderTable(columns, subscriptions.map(rowOf)))
  for (const { id, last_error } of subscriptions.filter(({ state }) => state === 'failing')) {
    terminal.note(`lanista: ${printable(`${id} is failing: ${last_error ?? 'no reason known'}`)}`)
  }
  return 0
}

/** Makes one, or changes it. */
export async function runSubscriptionsAdd(
  name: string,
  flags: SubscriptionFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const sent = { type: 'application/json', text: JSON.stringify(formOf(name, flags)) }
  const client = await openClient(flags, terminal)
  const answer = await client.send('PUT', pathOf(name), {}, sent, terminal.stop)
  const { id, outcome } = parseAnswer(putSchema, answer, 'subscription')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(id)} ${outcome}\n`)
  return 0
}

/** Ends one. */
export async function runSubscriptionsRemove(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.send('DELETE', pathOf(name), {}, undefined, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(name)} removed\n`)
  return 0
}

/** Sends one reading; 1 when the sink did not take it. */
export async function runSubscriptionsTest(name: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal, 30_000)
  const answer = await client.send('POST', `${pathOf(name)}/test`, {}, undefined, terminal.stop)
  const { is_delivered: isDelivered, took_ms: tookMs, reason } = parseAnswer(trialSchema, answer, 'test')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(isDelivered ? `delivered in ${tookMs} ms\n` : `not delivered: ${printable(reason ?? '')}\n`)
  return isDelivered ? 0 : 1
}

/** Sets the secret of any of them, also of an application's; an empty one removes it. */
export async function runSubscriptionsSecret(
  name: string,
  flags: SharedFlags & { readonly secretFile: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const sent = { type: 'text/plain', text: secretIn(flags.secretFile) }
  const client = await openClient(flags, terminal)
  const answer = await client.send('PUT', `${pathOf(name)}/secret`, {}, sent, terminal.stop)
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(`${printable(name)} ${sent.text === '' ? 'has no secret now' : 'has a new secret'}\n`)
  return 0
}

function pathOf(name: string): string {
  return `${path}/${encodeURIComponent(name)}`
}

function rowOf({ id, match, to, state, delivered, queued, refused, dropped }: SubscriptionAnswer): string[] {
  const [kind, target] = Object.entries(to)[0] ?? ['-', '-']
  const counts = [delivered, queued, refused, dropped].map(formatNumber)
  return [id, typeof match === 'string' ? match : match.join(' '), `${kind} ${String(target)}`, state, ...counts]
}

/** The form of the API; what is wrong with it the controller says. */
function formOf(name: string, flags: SubscriptionFlags): object {
  const { match, scope, cloud, host, onChange } = flags
  const limits = comparisons.flatMap((comparison) => {
    const text = flags[comparison]
    return text === undefined ? [] : [[comparison, numberOf(comparison, text)] as const]
  })
  return { match, scope, cloud, host, onChange, ...Object.fromEntries(limits), to: sinkOf(name, flags) }
}

/** A bus sink without a subject has the subscription's name as its subject. */
function sinkOf(name: string, flags: SubscriptionFlags): unknown {
  const { bus, webhook, carbon, tags, influx, database, org, bucket, remoteWrite, user, secretFile } = flags
  const secret = secretFile === undefined ? undefined : secretIn(secretFile)
  const given = {
    bus: bus === true ? name : bus,
    webhook,
    carbon,
    tags,
    influx,
    database,
    org,
    bucket,
    remoteWrite,
    user,
  }
  return { ...given, ...(webhook === undefined ? { token: secret } : { secret }) }
}

function numberOf(flag: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw usageError(`give ${flag} a number: found ${JSON.stringify(text)}, expected one like 60 or 0.5`)
  }
  return value
}

/** The first line of a file; `-` = stdin. */
function secretIn(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n[\s\S]*$/, '')
  } catch (error) {
    throw usageError(`name a file that can be read with --secret-file: found ${messageOf(error)}`)
  }
}
