import { readFile } from 'node:fs/promises'

/**
 * Datagrams the kernel dropped for sockets bound to `port`, from the text of /proc/net/udp or udp6: `sl local_address
 * rem_address … drops`, addresses in hexadecimal, drops last (Linux net/ipv4/udp.c udp4_format_sock).
 */
export function parseKernelDrops(text: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  let drops = 0
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(suffix)) drops += Number(fields.at(-1))
  }
  return drops
}

/** Reads them; undefined where the system has no such file. */
export async function readKernelDrops(port: number, isIpv6: boolean): Promise<number | undefined> {
  try {
    return parseKernelDrops(await readFile(isIpv6 ? '/proc/net/udp6' : '/proc/net/udp', 'latin1'), port)
  } catch {
    return undefined
  }
}
