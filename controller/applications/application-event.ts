/** What the controller says when an application becomes another: `application.applied`, `application.removed`. */
import type { EventService, OwnEvent } from '#controller/events/event-service.ts'
import type { ApplicationChange, ApplicationRegistry } from './application-registry.ts'

/** Says every change as an event, until the returned function is called. */
export function sayApplications(
  applications: Pick<ApplicationRegistry, 'onChange'>,
  events: Pick<EventService, 'say'>,
): () => void {
  return applications.onChange((change) => {
    const event = eventOf(change)
    if (event) events.say(event)
  })
}

/** The event of a change; undefined for counts and secrets, of which those who change them speak. */
function eventOf({ tenant, application, kind, generation, plan }: ApplicationChange): OwnEvent | undefined {
  if (kind !== 'applied' && kind !== 'removed') return undefined
  const many = (verb: string): number => plan.steps.filter((step) => step.verb === verb).length
  return {
    tenant,
    id: `application/${application}/${generation}`,
    kind: `application.${kind}`,
    application,
    fields: {
      generation,
      created: many('create'),
      changed: many('change'),
      removed: many('remove'),
      restarts: plan.steps.filter(({ restarts }) => restarts).map(({ name }) => name),
    },
  }
}
