import { setImmediate as turn } from 'node:timers/promises'

const deadlineMs = 15_000

/** For tests that wait for what another party does: asks every turn of the event loop, fails after 15 s. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - start > deadlineMs)
      throw new Error(`waited ${deadlineMs} ms in vain for: ${String(isTrue)}`)
    await turn()
  }
}
