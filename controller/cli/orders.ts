import { z } from 'zod'
import type { OrderView } from '#controller/orders/order-view.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { parseAnswer, type Read } from './answers.ts'
import type { ControllerClient } from './client.ts'
import { openClient, type SharedFlags, writeJson } from './context.ts'
import type { ExitCode } from './exit-code.ts'
import { formatAge, formatTime } from './figures.ts'
import { type Column, printable, renderTable } from './table.ts'
import type { Terminal } from './terminal.ts'

export interface OrdersFlags extends SharedFlags {
  readonly host?: string | undefined
  readonly state?: string | undefined
  readonly limit?: string | undefined
}

export interface SendFlags extends SharedFlags {
  readonly cloud?: string | undefined
  readonly key?: string | undefined
  readonly lifetime?: string | undefined
  readonly now?: string | undefined
}

/** Of an order, what is shown of it. */
export type OrderAnswer = Read<Omit<OrderView, 'tenant' | 'generation' | 'expires_ms'>>

const known = z.string().nullable()
const orderSchema: z.ZodType<OrderAnswer> = z.object({
  id: z.string(),
  cloud: z.string(),
  host: z.string(),
  verb: z.string(),
  key: z.string(),
  state: z.string(),
  issued_ms: z.number(),
  settled_ms: z.number().nullable(),
  code: known,
  reason: known,
  progress: known,
  result: z.unknown(),
})

const columns: readonly Column[] = [
  { title: 'ID', align: 'left' },
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'VERB', align: 'left' },
  { title: 'STATE', align: 'left' },
  { title: 'AGE', align: 'right' },
  { title: 'WHY', align: 'left' },
]
const path = '/api/v1/orders'
/** How much longer than the host the controller may take, ms. */
const marginMs = 10_000

/** `lanista orders`: what hosts were told to do, the newest first. */
export async function runOrders({ host, state, limit, ...flags }: OrdersFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  const answer = await client.get(path, { host, state, limit }, terminal.stop)
  const orders = parseAnswer(z.array(orderSchema), answer, 'orders')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(ordersText(orders, Date.now()))
  return 0
}

/** `lanista orders show ID`. */
export async function runOrderShow(id: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  return show(await client.get(pathOf(id), {}, terminal.stop), flags, terminal)
}

/** `lanista orders cancel ID`: takes it back where it has not been started. */
export async function runOrderCancel(id: string, flags: SharedFlags, terminal: Terminal): Promise<ExitCode> {
  const client = await openClient(flags, terminal)
  return show(await client.send('DELETE', pathOf(id), {}, undefined, terminal.stop), flags, terminal)
}

/** `lanista orders send HOST VERB [JSON]`: 1 when it is over and was not done. */
export async function runOrderSend(
  [host, verb, body]: readonly [host: string, verb: string, body: string | undefined],
  { json, controller, cloud, key, lifetime, now }: SendFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const form = { host, verb, body: valueOf(body), cloud, key, lifetime, now }
  const deadlineMs = now === undefined ? undefined : parseDuration(now) + marginMs
  const client = await openClient({ json, controller }, terminal, deadlineMs)
  return show(await sendOrder(client, form, terminal), { json, controller }, terminal)
}

/** Nobody there, or nobody done in time, is no misuse. */
async function sendOrder(client: ControllerClient, form: object, terminal: Terminal): Promise<unknown> {
  try {
    const sent = { type: 'application/json', text: JSON.stringify(form) }
    return await client.send('POST', path, {}, sent, terminal.stop)
  } catch (error) {
    if (!isLanistaError(error, 'REQUEST_INVALID') || error.data['status'] !== 409) throw error
    throw new LanistaError(error.code, error.message, { cause: error, data: { ...error.data, exitCode: 1 } })
  }
}

function pathOf(id: string): string {
  return `${path}/${encodeURIComponent(id)}`
}

function valueOf(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LanistaError('USAGE', `write the body as JSON: found ${text.slice(0, 80)}`, { cause })
  }
}

const failures: ReadonlySet<string> = new Set(['failed', 'refused', 'expired', 'superseded', 'interrupted', 'lost'])

function show(answer: unknown, flags: SharedFlags, terminal: Terminal): ExitCode {
  const order = parseAnswer(orderSchema, answer, 'order')
  if (flags.json) writeJson(terminal, answer)
  else terminal.write(orderText(order))
  return failures.has(order.state) ? 1 : 0
}

/** One order, a fact a line. */
export function orderText(order: OrderAnswer): string {
  const facts: readonly (readonly [string, string | null])[] = [
    ['id', order.id],
    ['host', `${order.cloud}.${order.host}`],
    ['verb', order.verb],
    ['key', order.key],
    ['state', order.state],
    ['issued', formatTime(order.issued_ms)],
    ['ended', order.settled_ms === null ? null : formatTime(order.settled_ms)],
    ['code', order.code],
    ['reason', order.reason],
    ['progress', order.progress],
    ['result', order.result === null || order.result === undefined ? null : JSON.stringify(order.result)],
  ]
  const shown = facts.filter(([, text]) => text !== null)
  return shown.map(([name, text]) => `${name.padEnd(9)} ${printable(text ?? '')}\n`).join('')
}

/** Orders as a table. */
export function ordersText(orders: readonly OrderAnswer[], nowMs: number): string {
  return renderTable(
    columns,
    orders.map((order) => [
      order.id,
      order.host,
      order.cloud,
      order.verb,
      order.state,
      formatAge(nowMs - order.issued_ms),
      order.reason ?? order.progress ?? '',
    ]),
  )
}
