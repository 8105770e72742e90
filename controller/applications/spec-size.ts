/** Whether what a host is told of one instance goes into an order: found when the file is read, not when nobody can be told any more. Pure. */
import { instanceSpec } from '#controller/instances/instance-spec.ts'
import type { Application, Component, System } from '#protocol/application/model.ts'
import { orderBodyBytesMax } from '#protocol/orders/order.ts'
import type { ConfigIssue } from '#protocol/runtime/config-issues.ts'

const systems: readonly System[] = ['linux', 'darwin', 'windows']
/** Of a peer on three address levels, or of a member, with a name of usual length. */
const peerBytes = 200
/** Where a port says nothing of how many it is told. */
const peersMax = 1000

/** A component that is too long, at its files where it has some. */
export function specSizeIssues({ name, components }: Application): ConfigIssue[] {
  return components.flatMap((component): ConfigIssue[] => {
    const bytes = specBytes(name, component) + peerBytes * peersOf(component, components)
    if (bytes <= orderBodyBytesMax) return []
    const path = `components.${component.name}${component.files.length > 0 ? '.files' : ''}`
    const expected = `at most ${orderBodyBytesMax} bytes for a host to be told of an instance, with its files and peers`
    return [
      {
        path,
        expected,
        found: `${bytes}; put files into an image or upload them as code, and give required ports a max`,
        origin: '',
      },
    ]
  })
}

/** On the system whose scripts are the longest. */
function specBytes(application: string, component: Component): number {
  const id = `${application}-${component.name}-999999`
  const wish = { id, application, component, generation: 999_999, peers: new Map(), isWanted: true }
  return Math.max(...systems.map((system) => Buffer.byteLength(JSON.stringify(instanceSpec({ ...wish, system })))))
}

/** All that it is ever told of. */
function peersOf({ requires, members, instances }: Component, components: readonly Component[]): number {
  const counts = requires.map(({ from, max }) => {
    const provider = components.find(({ name }) => name === from.component)
    return Math.min(max ?? peersMax, provider?.instances.max ?? 0)
  })
  return counts.reduce((sum, count) => sum + count, members ? instances.max : 0)
}
