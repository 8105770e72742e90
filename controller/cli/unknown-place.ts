import { nearestOf } from '#protocol/runtime/config-issues.ts'
import { controllerHost } from '#protocol/subjects/subject.ts'
import { type HostAnswer, parseHosts } from './answers.ts'
import type { ControllerClient, FromHosts } from './client.ts'
import type { ExitCode } from './exit-code.ts'
import { hostsVerdict } from './hosts-verdict.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Which hosts were asked for: globs. */
export interface AskedPlace {
  readonly host?: string | undefined
  readonly cloud?: string | undefined
}

/** Names in one line. */
const namedMax = 20

/** `hostsVerdict`, and 1 where no host fits what was asked for: that is said on stderr with the nearest names there are. */
export async function placeVerdict(
  answer: FromHosts,
  hasAnswer: boolean,
  place: AskedPlace,
  client: Pick<ControllerClient, 'get'>,
  terminal: Pick<Terminal, 'note' | 'stop'>,
): Promise<ExitCode> {
  const isNobody = answer.answered === 0 && answer.unanswered === '' && !hasAnswer
  const isAsked = (place.host ?? place.cloud) !== undefined && place.host !== controllerHost
  if (!isNobody || !isAsked) return hostsVerdict(answer, hasAnswer, terminal)
  const hosts = parseHosts(await client.get('/api/v1/hosts', {}, terminal.stop))
  terminal.note(printable(`lanista: ${unknownPlaceText(place, hosts)}`))
  return 1
}

/** What was not found, and what was perhaps meant. */
export function unknownPlaceText(
  { host, cloud }: AskedPlace,
  hosts: readonly Pick<HostAnswer, 'id' | 'tenant' | 'cloud'>[],
): string {
  const clouds = [...new Set(hosts.map((known) => known.cloud))]
  const [word, asked, known] =
    host === undefined || (cloud !== undefined && !/[*?[{]/.test(cloud) && !clouds.includes(cloud))
      ? ['cloud', cloud ?? '', clouds]
      : ['host', host, hosts.map((one) => (host.includes('.') ? `${one.tenant}.${one.cloud}.${one.id}` : one.id))]
  const within = word === 'host' && cloud !== undefined ? ` in ${cloud}` : ''
  return `name another ${word}: found ${JSON.stringify(asked)}${within}, expected ${expectedOf(asked, known)}`
}

function expectedOf(asked: string, known: readonly string[]): string {
  if (known.length === 0) return 'none yet: no host is known'
  const nearest = nearestOf(asked, known)
  if (nearest.endsWith('?')) return nearest
  const more = known.length - namedMax
  return `one of ${known.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
