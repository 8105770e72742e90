/**
 * Which disks and network interfaces are the machine's own. One filter decides for every metric of a sensor, so that no
 * metric counts a device that another leaves out.
 */
import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** Where sysfs says devices are; injected so that a captured tree can be judged. */
export interface DeviceTree {
  /** Target of a symbolic link below `/sys`, or undefined when there is none. */
  link(path: string): string | undefined
}

/** The machine's `/sys`, or the one below `root`. */
export function sysTree(root: string): DeviceTree {
  return {
    link(path) {
      try {
        return readlinkSync(`${root}/sys/${path}`)
      } catch {
        return undefined
      }
    },
  }
}

/** Disks that are neither partitions (no entry of their own) nor virtual (loop, ram, device mapper, md, zram). */
export function physicalDisks(names: readonly string[], tree: DeviceTree): ReadonlySet<string> {
  return new Set(names.filter((name) => isPhysical(tree.link(`block/${name.replaceAll('/', '!')}`))))
}

/** Interfaces that only exist in software, by the names that container and VM tools give them. */
const virtualName =
  /^(lo|veth|docker|br-|virbr|vnet|tap|tun|ifb|dummy|cni|flannel|cali|cilium|lxc|lxd|kube|podman|sit|gre|ip6tnl|tunl|erspan|vxlan|vti|ip6_vti|nlmon|teql|wg|bond|team|vlan)/

/**
 * Interfaces that carry the machine's traffic, each byte counted once: those with hardware behind them, without the ones
 * bound to another of them (an SR-IOV function below its synthetic interface). Where none has hardware, as in a container,
 * those whose names are not a virtual device's.
 */
export function physicalInterfaces(names: readonly string[], tree: DeviceTree): ReadonlySet<string> {
  const physical = new Set(names.filter((name) => isPhysical(tree.link(`class/net/${name}`))))
  if (physical.size === 0) return new Set(names.filter((name) => !virtualName.test(name)))
  const own = [...physical].filter((name) => !physical.has(basename(tree.link(`class/net/${name}/master`) ?? '')))
  return new Set(own)
}

function isPhysical(link: string | undefined): boolean {
  return link !== undefined && !link.includes('/virtual/')
}

/** Asks again only when the list of names changes: sysfs is slower than the counters themselves. */
export class DeviceFilter {
  readonly #judge: (names: readonly string[]) => ReadonlySet<string>
  #key = ''
  #kept: ReadonlySet<string> = new Set()

  constructor(judge: (names: readonly string[]) => ReadonlySet<string>) {
    this.#judge = judge
  }

  keep(names: readonly string[]): ReadonlySet<string> {
    const key = names.join('\n')
    if (key !== this.#key) this.#kept = this.#judge(names)
    this.#key = key
    return this.#kept
  }
}
