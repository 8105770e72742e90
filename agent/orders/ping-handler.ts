import type { OrderHandler } from './order-handler.ts'

/** `ping`: no effect; answers with what it was given. With the key of another order it takes that one back. */
export function pingHandler(): OrderHandler {
  return { verbs: ['ping'], handle: async (_verb, body) => body }
}
