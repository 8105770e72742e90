/**
 * How a person on the host asks its running agent to leave, whoever runs the agent and whatever its process id: `leave.json` in the
 * data folder is the ask, which the agent takes away, and `leave-report.json` its answer. Whoever may write there may ask.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { type LeaveAsk, type LeaveReport, leaveMsMax, leaveReportSchema } from '#protocol/messages/leave.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { LeaveDesk } from './leave-desk.ts'

/** An ask, with an id that its answers bear. */
export interface FiledAsk extends Pick<LeaveAsk, 'deadlineMs' | 'isForced'> {
  readonly id: string
}

/** An answer: how far it is, or why not. */
export interface FiledReport {
  readonly id: string
  readonly report?: LeaveReport | undefined
  readonly refused?: string | undefined
}

const id = z.string().check(z.regex(/^[a-z0-9-]{1,64}$/))
const askSchema: z.ZodMiniType<FiledAsk> = z.strictObject({
  id,
  deadlineMs: z.int().check(z.minimum(0), z.maximum(leaveMsMax)),
  isForced: z.boolean(),
})
const reportSchema: z.ZodMiniType<FiledReport> = z.object({
  id,
  report: z.optional(leaveReportSchema),
  refused: z.optional(z.string()),
})

/** The agent looks for an ask this often, and tells how far it is, ms. */
const lookMs = 2000

export function fileAsk(dataDir: string, ask: FiledAsk): void {
  write(askPath(dataDir), ask)
}

/** Takes an ask back that nobody took. True when there was one. */
export function withdrawAsk(dataDir: string): boolean {
  try {
    rmSync(askPath(dataDir))
    return true
  } catch {
    return false
  }
}

/** The newest answer to this ask; undefined while there is none. */
export function readReport(dataDir: string, askId: string): FiledReport | undefined {
  const report = read(reportPath(dataDir), reportSchema)
  return report?.id === askId ? report : undefined
}

/** Brings the asks that lie in the data folder to the desk. What lay there before the start was meant for another run. */
export class LeaveFile {
  readonly #dataDir: string
  readonly #desk: Pick<LeaveDesk, 'ask'>
  readonly #deps: { readonly clock: Clock; readonly logger: Logger }
  readonly #stop = new AbortController()
  readonly #watching: Promise<void>

  constructor(dataDir: string, desk: Pick<LeaveDesk, 'ask'>, deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#dataDir = dataDir
    this.#desk = desk
    this.#deps = deps
    withdrawAsk(dataDir)
    rmSync(reportPath(dataDir), { force: true })
    this.#watching = this.#watch()
  }

  /** Looks no more. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const { clock } = this.#deps
    while (!this.#stop.signal.aborted) {
      const ask = this.#take()
      if (ask) await this.#pass(ask)
      await clock.sleep(lookMs, this.#stop.signal).catch(() => {})
    }
  }

  #take(): FiledAsk | undefined {
    try {
      const ask = read(askPath(this.#dataDir), askSchema)
      if (ask) withdrawAsk(this.#dataDir)
      return ask
    } catch (error) {
      // left where it is, it would be complained of every other second
      withdrawAsk(this.#dataDir)
      this.#deps.logger.warn({ error: messageOf(error) }, 'leave_ask_refused')
      return undefined
    }
  }

  async #pass({ id: askId, ...ask }: FiledAsk): Promise<void> {
    try {
      for (;;) {
        const report = await this.#desk.ask({ ...ask, waitMs: lookMs })
        this.#tell({ id: askId, report })
        if (report.state !== 'leaving' || this.#stop.signal.aborted) return
      }
    } catch (error) {
      if (!isLanistaError(error)) throw error
      this.#tell({ id: askId, refused: error.message })
    }
  }

  #tell(report: FiledReport): void {
    try {
      write(reportPath(this.#dataDir), report)
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, 'leave_report_unwritten')
    }
  }
}

function askPath(dataDir: string): string {
  return join(dataDir, 'leave.json')
}

function reportPath(dataDir: string): string {
  return join(dataDir, 'leave-report.json')
}

/** Whole or not at all. The folder is the agent's alone, so its files need not be: the person who asks may be another user. */
function write(path: string, value: object): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o644 })
  renameSync(`${path}.new`, path)
}

function read<T>(path: string, schema: z.ZodMiniType<T>): T | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const value = schema.safeParse(parseJson(text))
  if (value.success) return value.data
  throw new LanistaError('LEAVE_FILE_INVALID', `leave ${path} to lanista: found something that it did not write`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
