import { benchAxeClouds } from './axe-clouds.ts'
import { benchAxeHost } from './axe-host.ts'
import { benchAxeLink } from './axe-link.ts'
import { benchAxeRules } from './axe-rules.ts'

/** Monitors: on a host, over the border of a cloud, over all clouds in the controller, and rules. */
export async function benchAxe(): Promise<void> {
  await benchAxeHost()
  await benchAxeLink()
  await benchAxeClouds()
  benchAxeRules()
}
