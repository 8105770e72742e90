import * as z from 'zod/mini'
import { LanistaError, messageOf } from '#protocol/errors.ts'

/** What a bundle of the agent says of itself: `bundle.json`, beside `agent.mjs`. */
export interface BundleManifest {
  readonly version: string
  /** The oldest Node it runs on: `20.19`. */
  readonly node: string
}

/** Where it stands in the archive. */
export const manifestPath = 'bundle.json'

const schema: z.ZodMiniType<BundleManifest> = z.object({
  version: z.string().check(z.regex(/^[A-Za-z0-9.+-]{1,64}$/)),
  node: z.string().check(z.regex(/^\d+(\.\d+){0,2}$/)),
})

/** Throws BUNDLE_INVALID. */
export function parseManifest(text: string): BundleManifest {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    const found = `found no sound ${manifestPath} (${messageOf(cause)}), expected version and node`
    throw new LanistaError('BUNDLE_INVALID', `build the bundle again: ${found}`, { cause })
  }
}
