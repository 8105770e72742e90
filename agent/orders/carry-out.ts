import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { reasonLengthMax, resultLengthMax } from '#protocol/orders/report.ts'
import type { HandlerEnd } from './journal-events.ts'
import type { JournalRow } from './journal-row.ts'
import type { OrderContext, OrderHandler } from './order-handler.ts'

/** Lets the handler do it, once; never rejects. */
export async function carryOut(
  handler: OrderHandler,
  { verb, body }: Pick<JournalRow, 'verb' | 'body'>,
  context: OrderContext,
): Promise<HandlerEnd> {
  try {
    return doneWith(await handler.handle(verb, valueOf(body), context))
  } catch (error) {
    const code = isLanistaError(error) ? error.code : 'HANDLER_FAILED'
    return { state: 'failed', code, reason: cut(messageOf(error)) }
  }
}

/** As much of a text as a report may hold. */
export function cut(text: string): string {
  return text.length <= reasonLengthMax ? text : `${text.slice(0, reasonLengthMax - 1)}…`
}

function valueOf(body: string): unknown {
  if (body === '') return undefined
  try {
    return JSON.parse(body) as unknown
  } catch (cause) {
    throw new LanistaError('ORDER_INVALID', `send the order again: found a body that is no JSON`, { cause })
  }
}

function doneWith(value: unknown): HandlerEnd {
  if (value === undefined) return { state: 'done' }
  const result = JSON.stringify(value)
  if (result.length <= resultLengthMax) return { state: 'done', result }
  const reason = `it was done; its result of ${result.length} characters is too long to be told`
  return { state: 'done', code: 'RESULT_TOO_LONG', reason }
}
