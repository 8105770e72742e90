import { benchAxeHost } from './axe-host.ts'
import { benchAxeLink } from './axe-link.ts'

/** Monitors: on a host, and over the border of a cloud. */
export async function benchAxe(): Promise<void> {
  await benchAxeHost()
  await benchAxeLink()
}
