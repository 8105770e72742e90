/**
 * Bodies of `control.<verb>.<id>`: what the controller tells or asks an agent without changing anything on its host.
 *
 * | verb | body | reply |
 * |---|---|---|
 * | `ack` | SamplesAck | none |
 * | `settled` | OrdersSettled of `../orders/report.ts` | none |
 * | `birth` | empty | none: the agent publishes its birth again (NATS retains nothing) |
 * | `query`, `store` | `../query/ask.ts`, `../query/store-ask.ts` | a page of samples, sizes or a check of the store: `../query/README.md` |
 * | `ring` | empty | `../query/ring-status.ts` |
 * | `instances` | empty | InstancesReport of `../instances/instance-report.ts` |
 * | `log` | LogAsk of `../instances/log-messages.ts` | `{}`; the lines come on `log.<instance>` |
 * | `blob` | a piece of `../blobs/README.md`, under the id that the agent asked with | none |
 * | `monitors` | MonitorSetPart of `./monitor-set.ts` | none: heartbeats say the generation that is applied |
 * | `merged` | MergedAsk of `./merged-ask.ts` | none: whoever merged the windows says so again |
 * | `record` | RecordAsk of `./record.ts` | RecordReceipt, once the samples are on the disk |
 * | `leave` | LeaveAsk of `./leave.ts` | LeaveReport; the agent ends once it has left. An order, as soon as there are orders |
 */
import * as z from 'zod/mini'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { parseJson } from './json.ts'

/** What the controller has of one store. Unknown series are never acknowledged, so a lost dictionary heals itself. */
export interface SamplesAck {
  readonly storeId: string
  /** Arrival ranges newly ingested, or known from before. */
  readonly ranges: readonly ArrivalRange[]
  /** The controller knows the names of the series ids 0 … dictionary − 1 of this store. */
  readonly dictionary: number
}

const rangeSchema: z.ZodMiniType<ArrivalRange> = z.object({ from: z.int(), to: z.int() })

const ackSchema: z.ZodMiniType<SamplesAck> = z.object({
  storeId: z.string(),
  ranges: z.array(rangeSchema).check(z.maxLength(10_000)),
  dictionary: z.int().check(z.nonnegative()),
})

/** Throws MESSAGE_INVALID. */
export function parseAck(body: Uint8Array): SamplesAck {
  return parseJson(body, ackSchema, 'ack')
}
