import type { Bus } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { controllerHost, homeCloud, metricSubject } from '#protocol/subjects/subject.ts'
import { labelsOf, type Reading } from './reading.ts'
import { type Sink, unavailable } from './sink.ts'
import type { BusSpec } from './subscription.ts'

/** Names and bodies that are too long are no fault of the bus. */
const unsayable: ReadonlySet<string> = new Set(['METRIC_NAME_INVALID', 'SUBJECT_INVALID', 'TOO_LARGE'])

/**
 * Copies readings to `lanista.T._home._controller.metric.subscription.<subject>.<metric>`, in the form of published metrics: `v` is null
 * for unknown, and `tags` has the cloud and the host they come from. A bus that is up has taken them; nobody need be listening.
 */
export function busSink({ subject }: BusSpec, tenant: string, bus: Pick<Bus, 'publish'>): Sink {
  const address = { tenant, cloud: homeCloud, host: controllerHost }
  const publish = ({ source, timestampMs, value }: Reading): boolean => {
    const { series, unit } = source
    try {
      const body = { t: timestampMs, v: value, unit, tags: Object.fromEntries(labelsOf(source)) }
      bus.publish(metricSubject(address, `subscription.${subject}.${series.name}`), encodeJson(body))
      return true
    } catch (error) {
      if (!isLanistaError(error)) throw error
      if (unsayable.has(error.code)) return false
      throw unavailable(error.message)
    }
  }
  return {
    deliver: async (batch) => {
      const said = batch.filter(publish)
      return batch.length - said.length
    },
  }
}
