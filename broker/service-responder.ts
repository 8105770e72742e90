/**
 * Agents answer `$SRV.PING|INFO|STATS` (NATS ADR-32), so that `nats micro ls` finds them. The one place where a reply field is
 * used as an address, therefore only below `lanista.T._home._srv.`, where nothing of ours listens.
 */
import type { Msg, NatsConnection } from 'nats'
import { serviceName } from '#protocol/permissions.ts'
import type { Address } from '#protocol/subjects/subject.ts'

/** What an agent says of itself as a service. */
export interface ServiceDescription {
  /** SemVer. */
  readonly version: string
  readonly description: string
}

const verbs = { PING: 'ping', INFO: 'info', STATS: 'stats' } as const

/** Answers until the connection ends. The id is the host, so that a call by id reaches one agent of each tenant and cloud. */
export function respondToService(connection: NatsConnection, address: Address, service: ServiceDescription): void {
  const started = new Date().toISOString()
  for (const [verb, kind] of Object.entries(verbs)) {
    const extra = {
      ping: {},
      info: { description: service.description, endpoints: [] },
      stats: { started, endpoints: [] },
    }
    const body = JSON.stringify({
      type: `io.nats.micro.v1.${kind}_response`,
      name: serviceName,
      id: address.host,
      version: service.version,
      metadata: { tenant: address.tenant, cloud: address.cloud },
      ...extra[kind],
    })
    for (const tail of ['', `.${serviceName}`, `.${serviceName}.${address.host}`]) {
      const callback = (error: Error | null, message: Msg): void => {
        if (!error && mayAnswer(address.tenant, message.reply)) connection.publish(message.reply, body)
      }
      connection.subscribe(`$SRV.${verb}${tail}`, { callback })
    }
  }
}

/** Only callers of the own tenant, by their inbox. */
function mayAnswer(tenant: string, reply: string | undefined): reply is string {
  return reply !== undefined && reply.startsWith(`lanista.${tenant}._home._srv.`)
}
