/**
 * `control.merged.<id>`: the controller has no word of a cloud on some windows. Whoever of its agents merged them says so again, on
 * `lanista.T.C._cloud.merged.…`; the others have nothing to say.
 */
import * as z from 'zod/mini'
import type { WindowName } from '#protocol/monitors/wide-core.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { encodeJson, parseJson } from './json.ts'

export interface MergedAsk {
  readonly windows: readonly WindowName[]
}

/** Windows of one message; those beyond are asked for in another. */
export const mergedWindowsMax = 500

const id = z.string().check(z.refine(isId, `expected ${idForm}`))

const askSchema: z.ZodMiniType<MergedAsk> = z.object({
  windows: z
    .array(z.object({ application: id, monitor: id, windowEndMs: z.number() }))
    .check(z.maxLength(mergedWindowsMax)),
})

export function encodeMergedAsk(ask: MergedAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseMergedAsk(body: Uint8Array): MergedAsk {
  return parseJson(body, askSchema, 'request for merged partials')
}
