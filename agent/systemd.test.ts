import { describe, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { notifyIntervalMs, superviseBySystemd } from './systemd.ts'

function supervise(env: Record<string, string>): { clock: FakeClock; sent: string[]; stop: () => void } {
  const clock = new FakeClock()
  const sent: string[] = []
  const stop = superviseBySystemd({
    clock,
    logger: silentLogger,
    env,
    status: () => '12 series',
    notify: (args) => sent.push(args.join(' ')),
  })
  return { clock, sent, stop }
}

describe('supervision by systemd', () => {
  it('is silent when systemd did not start the agent', () => {
    expect(supervise({}).sent).toEqual([])
  })

  it('says ready once, then feeds the watchdog twice per interval, then says stopping', async () => {
    const { clock, sent, stop } = supervise({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '30000000' })
    await clock.advance(30_000)
    stop()
    expect(sent).toEqual([
      '--ready --status=12 series WATCHDOG=1',
      '--status=12 series WATCHDOG=1',
      '--status=12 series WATCHDOG=1',
      'STOPPING=1',
    ])
    await clock.advance(60_000)
    expect(sent).toHaveLength(4)
  })

  it('refreshes the status line each minute without a watchdog', () => {
    expect(notifyIntervalMs({ NOTIFY_SOCKET: '/run/x' })).toBe(60_000)
    expect(notifyIntervalMs({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '100000' })).toBe(1000)
  })
})
