import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { reasonLengthMax, resultLengthMax } from '#protocol/orders/report.ts'
import type { HandlerEnd } from './journal-events.ts'
import type { JournalRow } from './journal-row.ts'
import { type OrderContext, type OrderHandler, outcomeAfterRestart } from './order-handler.ts'

/** What is asked of a handler: to do it, or to find out what became of it. */
export type HandlerCall = Pick<OrderHandler, 'handle'>['handle']

/** Lets the handler do it, once; undefined when the next process is to tell the end. Never rejects. */
export async function carryOut(
  call: HandlerCall,
  { verb, body }: Pick<JournalRow, 'verb' | 'body'>,
  context: OrderContext,
): Promise<HandlerEnd | undefined> {
  try {
    const value = await call(verb, valueOf(body), context)
    return value === outcomeAfterRestart ? undefined : doneWith(value)
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
