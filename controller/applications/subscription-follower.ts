/** Keeps the subscriptions of applications as their files say. */
import type { SubscriptionService } from '#controller/subscriptions/subscription-service.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { ApplicationRegistry } from './application-registry.ts'

export interface FollowDeps {
  readonly applications: Pick<ApplicationRegistry, 'list' | 'onChange' | 'keepSecretsWith'>
  readonly subscriptions: Pick<SubscriptionService, 'list' | 'setApplication' | 'keepSecrets'>
  readonly logger: Logger
}

/**
 * Makes the subscriptions of the tenant's applications what the files say, also where the last life of the controller did not get to it,
 * and follows every change until the returned function is called. Secrets that cannot be kept refuse the file; what else cannot be written
 * is logged and made up for at the next start.
 */
export async function followSubscriptions(
  tenant: string,
  { applications, subscriptions, logger }: FollowDeps,
): Promise<() => Promise<void>> {
  let made: Promise<void> = Promise.resolve()
  const set = (application: string, those: Parameters<SubscriptionService['setApplication']>[2]): Promise<void> =>
    subscriptions.setApplication(tenant, application, those).catch((error: unknown) => {
      if (!isLanistaError(error, 'CLOSED')) {
        logger.error({ application, error: messageOf(error) }, 'application_subscriptions_not_set')
      }
    })
  const inForce = new Map(applications.list(tenant).map(({ name, file }) => [name, file]))
  for (const [name, file] of inForce) if (file) await set(name, file.subscriptions)
  const owners = new Set(subscriptions.list(tenant).flatMap(({ application }) => application ?? []))
  for (const owner of owners) if (!inForce.has(owner)) await set(owner, [])
  const stop = applications.onChange((change) => {
    const { application, subscriptions: those } = change
    if (change.tenant === tenant && those) made = made.then(() => set(application, those))
  })
  applications.keepSecretsWith(async (of, those) =>
    of === tenant ? subscriptions.keepSecrets(tenant, those) : async () => undefined,
  )
  return async () => {
    applications.keepSecretsWith(undefined)
    stop()
    await made
  }
}
