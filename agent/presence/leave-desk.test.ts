import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { encodeLeaveAsk, type LeaveAsk, type LeaveReport, leaveReportSchema } from '#protocol/messages/leave.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { LeaveDesk, leaveAsksMax } from './leave-desk.ts'
import { fileAsk, LeaveFile, readReport, withdrawAsk } from './leave-file.ts'

const address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
const ask: LeaveAsk = { deadlineMs: 60_000, isForced: false, waitMs: 1000 }
const rest = [{ owner: 'a1', samples: 7 }]

let clock: FakeClock
let agentBus: CountedBus
let controllerBus: CountedBus
let desk: LeaveDesk
/** What the host has to do, and what became of it. */
let host: { hasHeirs: boolean; ignoresSignal: boolean; toHandOver: typeof rest; begun: number; finish: () => void }
let folder: string

beforeEach(async () => {
  clock = new FakeClock()
  folder = mkdtempSync(join(tmpdir(), 'leave-'))
  const broker = new MemoryBroker({ clock, logger: silentLogger })
  controllerBus = broker.connect({ kind: 'controller' })
  agentBus = broker.connect({ kind: 'agent', address })
  host = { hasHeirs: true, ignoresSignal: false, toHandOver: rest, begun: 0, finish: () => {} }
  const departure = {
    get hasHeirs() {
      return host.hasHeirs
    },
    get toHandOver() {
      return host.toHandOver
    },
    handOver: (signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        host.begun++
        host.finish = resolve
        if (!host.ignoresSignal) signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      }),
  }
  desk = new LeaveDesk({ address }, { bus: agentBus, departure, clock, logger: silentLogger })
  await clock.advance(0)
})

afterEach(async () => {
  await desk.close()
  await Promise.all([agentBus.close(), controllerBus.close()])
  rmSync(folder, { recursive: true, force: true })
})

describe('a host that is asked to leave', () => {
  it('says how far it is while it hands over, and that it has left when all is handed over', async () => {
    const first = desk.ask(ask)
    await clock.advance(1000)
    expect(await first).toEqual({ state: 'leaving', toHandOver: rest })
    const second = desk.ask(ask)
    host.finish()
    expect(await second).toEqual({ state: 'left', toHandOver: [] })
    expect([host.begun, desk.hasLeft]).toEqual([1, true])
  })

  it('stays when the time is up, and says what is not handed over', async () => {
    void desk.ask(ask)
    await clock.advance(60_000)
    expect(await desk.outcome).toEqual({ state: 'stayed', toHandOver: rest })
    expect(desk.hasLeft).toBe(false)
  })

  it('does not wait for a part that does not stop', async () => {
    host.ignoresSignal = true
    void desk.ask(ask)
    await clock.advance(60_000)
    expect(await desk.outcome).toMatchObject({ state: 'stayed' })
  })

  it('leaves all the same when it is forced to, also by a later and nearer ask', async () => {
    void desk.ask(ask)
    void desk.ask({ ...ask, deadlineMs: 5000, isForced: true })
    await clock.advance(5000)
    expect(await desk.outcome).toEqual({ state: 'left', toHandOver: rest })
  })

  it('refuses where nobody could take over, and goes on as before', async () => {
    host.hasHeirs = false
    await expect(desk.ask(ask)).rejects.toMatchObject({ code: 'LEAVE_REFUSED' })
    expect(host.begun).toBe(0)
  })

  it('forced, does not wait for heirs that are not there', async () => {
    host.hasHeirs = false
    void desk.ask({ ...ask, isForced: true })
    await clock.advance(0)
    expect(await desk.outcome).toMatchObject({ state: 'left' })
  })

  it('has not left when its agent is stopped meanwhile, forced or not', async () => {
    void desk.ask({ ...ask, isForced: true })
    await desk.close()
    expect(await desk.outcome).toMatchObject({ state: 'stayed' })
  })
})

describe('the controller that asks', () => {
  const send = (id: string, body: Uint8Array): Promise<Uint8Array> =>
    controllerBus.request(`lanista.acme.c1.a1.control.leave.${id}`, body, {
      signal: new AbortController().signal,
      deadlineMs: 90_000,
    })
  const parse = (body: Uint8Array): LeaveReport => parseJsonAnswer(body, leaveReportSchema, 'leave')

  it('is answered on the bus', async () => {
    const answer = send('x1', encodeLeaveAsk(ask))
    await clock.advance(1)
    host.finish()
    await clock.advance(1)
    expect(parse(await answer)).toEqual({ state: 'left', toHandOver: [] })
  })

  it('is refused what is no ask, and more asks at once than can wait', async () => {
    const nonsense = send('x0', Buffer.from('{"deadlineMs":-1}'))
    await clock.advance(0)
    const asks = Array.from({ length: leaveAsksMax + 1 }, (_, i) => send(`y${i}`, encodeLeaveAsk(ask)))
    await clock.advance(0)
    await clock.advance(1000)
    const answers = await Promise.all(asks)
    expect(() => parse(answers.at(-1) as Uint8Array)).toThrow(expect.objectContaining({ code: 'BUSY' }))
    expect(answers.slice(0, -1).map((answer) => parse(answer).state)).toEqual(Array(leaveAsksMax).fill('leaving'))
    const refusal = await nonsense
    expect(() => parse(refusal)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})

describe('a person on the host', () => {
  it('files an ask, and reads how far it is and what became of it', async () => {
    const file = new LeaveFile(folder, desk, { clock, logger: silentLogger })
    fileAsk(folder, { id: 'q-1', deadlineMs: 60_000, isForced: false })
    await clock.advance(4000)
    expect(readReport(folder, 'q-1')).toEqual({ id: 'q-1', report: { state: 'leaving', toHandOver: rest } })
    expect(withdrawAsk(folder)).toBe(false)
    host.finish()
    await clock.advance(2000)
    expect(readReport(folder, 'q-1')).toMatchObject({ report: { state: 'left' } })
    expect(readReport(folder, 'q-2')).toBeUndefined()
    await file.close()
  })

  it('reads why it is refused; what another run was asked, and nonsense, are taken away', async () => {
    fileAsk(folder, { id: 'old', deadlineMs: 60_000, isForced: true })
    const file = new LeaveFile(folder, desk, { clock, logger: silentLogger })
    writeFileSync(join(folder, 'leave.json'), 'leave!')
    await clock.advance(2000)
    expect(host.begun).toBe(0)
    host.hasHeirs = false
    fileAsk(folder, { id: 'q-1', deadlineMs: 60_000, isForced: false })
    await clock.advance(2000)
    expect(readReport(folder, 'q-1')?.refused).toContain('found nobody who could take over')
    await file.close()
  })
})
