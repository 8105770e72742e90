/**
 * Tells systemd that the agent is ready, alive and well (sd_notify(3)). Node has no unix datagram sockets, so
 * `systemd-notify` sends each message: one short process per half watchdog interval, about 0.01 % of a core.
 */
import { spawn } from 'node:child_process'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'

export interface SystemdDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly env: Readonly<Record<string, string | undefined>>
  /** One line for `systemctl status`. */
  readonly status: () => string
  /** Sends the arguments to systemd; replaced in tests. */
  readonly notify?: ((args: readonly string[]) => void) | undefined
}

/** Half of systemd's watchdog interval in ms, or 60 s for the status line alone; undefined when systemd did not start us. */
export function notifyIntervalMs(env: SystemdDeps['env']): number | undefined {
  if (!env['NOTIFY_SOCKET']) return undefined
  const watchdogUs = Number(env['WATCHDOG_USEC'])
  return watchdogUs > 0 ? Math.max(1000, Math.floor(watchdogUs / 2000)) : 60_000
}

/** Says ready now and alive from time to time; the returned function says stopping. Does nothing outside systemd. */
export function superviseBySystemd(deps: SystemdDeps): () => void {
  const intervalMs = notifyIntervalMs(deps.env)
  if (intervalMs === undefined) return () => {}
  const notify = deps.notify ?? ((args) => runSystemdNotify(args, deps.logger))
  let cancel = (): void => {}
  const beat = (first: boolean): void => {
    notify([
      ...(first ? ['--ready'] : []),
      `--status=${deps.status()}`,
      ...(deps.env['WATCHDOG_USEC'] ? ['WATCHDOG=1'] : []),
    ])
    cancel = deps.clock.after(intervalMs, () => beat(false))
  }
  beat(true)
  return () => {
    cancel()
    notify(['STOPPING=1'])
  }
}

function runSystemdNotify(args: readonly string[], logger: Logger): void {
  const child = spawn('systemd-notify', args, { stdio: 'ignore' })
  child.on('error', (error) => logger.warn({ error: error.message }, 'systemd_notify_failed'))
}
