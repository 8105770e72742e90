import type { Bus } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { buildSubject, controllerHost, homeCloud } from '#protocol/subjects/subject.ts'
import type { HealthChange } from './health.ts'
import { subscriptionId } from './subscription.ts'
import type { Owned } from './subscription-rows.ts'

export interface AlarmDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/**
 * Tells the log and, as `lanista.T._home._controller.event.subscription-failing` or `…-recovered`, whoever listens: `{t, subscription, reason}`.
 * A bus that is down hears nothing; the log has it.
 */
export function raiseAlarm({ tenant, subscription }: Owned, change: HealthChange, deps: AlarmDeps): void {
  const id = subscriptionId(subscription)
  const { kind, reason } = change
  if (kind === 'failing') deps.logger.warn({ subscription: id, reason }, 'subscription_failing')
  else deps.logger.info({ subscription: id }, 'subscription_recovered')
  try {
    const subject = buildSubject({ tenant, cloud: homeCloud, host: controllerHost }, 'event', `subscription-${kind}`)
    deps.bus.publish(subject, encodeJson({ t: deps.clock.now(), subscription: id, reason }))
  } catch (error) {
    deps.logger.debug({ subscription: id, error: messageOf(error) }, 'subscription_alarm_unsent')
  }
}
