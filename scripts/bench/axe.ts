import { benchAxeClouds } from './axe-clouds.ts'
import { benchAxeHost } from './axe-host.ts'
import { benchAxeLink } from './axe-link.ts'

/** Monitors: on a host, over the border of a cloud, and over all clouds in the controller. */
export async function benchAxe(): Promise<void> {
  await benchAxeHost()
  await benchAxeLink()
  await benchAxeClouds()
}
