import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { SampleSink } from '../intake/sink.ts'
import { InstanceCarbon } from './instance-carbon.ts'
import { specForTests } from './machine-driver.ts'

it('gives each instance a port of its own, whose lines are its own, under a number that lasts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanista-carbon-'))
  const names: string[] = []
  let heard: () => void = () => {}
  const arrived = new Promise<void>((resolve) => {
    heard = resolve
  })
  const sink: SampleSink = {
    seriesId: (canonical, _unit, client) => names.push(`${canonical} by ${client}`) - 1,
    append: () => heard(),
    isFull: false,
    drained: async () => {},
  }
  const open = (): InstanceCarbon =>
    new InstanceCarbon(
      { path: join(folder, 'ports.json'), hosts: { directory: '127.0.0.1', docker: '127.0.0.1' } },
      { sink, clock: systemClock, logger: silentLogger },
    )
  try {
    const carbon = open()
    const [first, again, other] = [
      await carbon.addressOf(specForTests()),
      await carbon.addressOf(specForTests()),
      await carbon.addressOf(specForTests({ id: 'shop-web-2' })),
    ]
    expect([again, other === first]).toEqual([first, false])
    const port = Number(first?.split(':')[1])
    const socket = connect(port, '127.0.0.1')
    socket.end('queue.length;instance=mine;kind=a 3 1700000000\n')
    await arrived
    expect(names).toEqual([
      'queue.length;application=shop;component=web;instance=shop-web-1;kind=a by instance shop-web-1',
    ])
    await carbon.close()
    const next = open()
    expect(await next.addressOf(specForTests())).toBe(first)
    await next.forget('shop-web-1')
    await next.close()
    await using last = open()
    expect(await last.addressOf(specForTests({ id: 'shop-web-2' }))).toBe(other)
  } finally {
    await rm(folder, { recursive: true })
  }
})
