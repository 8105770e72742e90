import { expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { deliverInTime, deliveryDeadlineMs } from './delivery.ts'
import type { Sink } from './sink.ts'

const silent: Sink = { deliver: (_, signal) => unlessAborted(new Promise<number>(() => undefined), signal) }

test('a sink that says nothing is unavailable once its time is over, in words of ours', async () => {
  const clock = new FakeClock()
  const delivery = deliverInTime(silent, [], clock, new AbortController().signal)
  const verdict = expect(delivery).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringContaining('found no answer within 15 s'),
  })
  await clock.advance(deliveryDeadlineMs)
  await verdict
})

test('who does not want to wait ends it with a reason of their own', async () => {
  const stop = new AbortController()
  const delivery = deliverInTime(silent, [], new FakeClock(), stop.signal)
  stop.abort(new Error('stopped'))
  await expect(delivery).rejects.toThrow('stopped')
})
