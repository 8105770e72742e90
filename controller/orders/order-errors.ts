import { LanistaError } from '#protocol/errors.ts'

/** There is no agent that could do it now. */
export function nobodyThere(target: string): LanistaError {
  return new LanistaError('HOST_UNAVAILABLE', `order it for later, or look at ${target}: nobody is there now`, {
    data: { target },
  })
}

/** A call took longer than it may. */
export function tooLate(target: string, deadlineMs: number): LanistaError {
  return new LanistaError('ORDER_UNANSWERED', `look at ${target}: it was not done within ${deadlineMs} ms`, {
    data: { target },
  })
}

/** No order has this id, or has it any more. */
export function unknownOrder(id: string): LanistaError {
  return new LanistaError('ORDER_UNKNOWN', `name another order: found none of the id ${id.slice(0, 80)}`)
}

/** The registry refused it. */
export function unwritten(): LanistaError {
  return new LanistaError('REGISTRY_WRITE_FAILED', 'make room for the registry: the order could not be written down')
}
