import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { nextSession } from '#protocol/presence/session.ts'

const key = 'controller!session'

/** The session of this start of the controller, on disk before it is used. */
export async function openControllerSession(registry: RegistryStore, nowMs: number): Promise<number> {
  const stored = await registry.get(key)
  const session = nextSession(typeof stored === 'number' ? stored : undefined, nowMs)
  await registry.write([{ key, value: session }], { sync: true })
  return session
}
