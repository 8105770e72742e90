/** What this machine is, for people and for placement: read once at start, from `node:os` and small files. */
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, networkInterfaces, release, totalmem, version } from 'node:os'

/** Flat facts, as a birth carries them. Absent = not known. */
export type Inventory = Readonly<Record<string, string | number>>

/** Where the facts come from, injected for tests. */
export interface InventorySources {
  /** Text of a file, or undefined when it cannot be read. */
  file(path: string): string | undefined
  readonly facts: {
    readonly kernel: string
    readonly arch: string
    readonly cpu: string | undefined
    readonly cores: number
    readonly memoryBytes: number
    /** Of all interfaces but loopback. */
    readonly addresses: readonly string[]
    /** What the system calls itself where there is no os-release. */
    readonly version: string
  }
}

/**
 * Keys: `os`, `kernel`, `arch`, `cpu`, `cores`, `memory_bytes`, `addresses` (joined by blanks, link-local ones left out),
 * `machine_id`, `hardware` (vendor and product as the firmware tells). None of them needs privileges.
 */
export function readInventory(sources: InventorySources = machineSources()): Inventory {
  const { facts, file } = sources
  const known: Record<string, string | number | undefined> = {
    os: osName(file('/etc/os-release') ?? file('/usr/lib/os-release')) ?? facts.version,
    kernel: facts.kernel,
    arch: facts.arch,
    cpu: facts.cpu?.trim(),
    cores: facts.cores,
    memory_bytes: facts.memoryBytes,
    addresses: facts.addresses.join(' '),
    machine_id: (file('/etc/machine-id') ?? file('/var/lib/dbus/machine-id'))?.trim(),
    hardware: hardware(file('/sys/class/dmi/id/sys_vendor'), file('/sys/class/dmi/id/product_name')),
  }
  return Object.fromEntries(
    Object.entries(known).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== '',
    ),
  )
}

/** `PRETTY_NAME` of an os-release file (os-release(5)), quotes taken off. */
function osName(text: string | undefined): string | undefined {
  return text && /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(text)?.[2]
}

function hardware(vendor: string | undefined, product: string | undefined): string | undefined {
  const words = [vendor?.trim(), product?.trim()].filter((word) => word !== undefined && word !== '')
  return words.length > 0 ? words.join(' ') : undefined
}

function machineSources(): InventorySources {
  return {
    file(path) {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined
      }
    },
    facts: {
      kernel: release(),
      arch: arch(),
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      addresses: Object.values(networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
        .map(({ address }) => address),
      version: version(),
    },
  }
}
