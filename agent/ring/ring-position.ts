import { createHash } from 'node:crypto'

/**
 * Where a host or a monitor stands on the ring: the first 64 bits of its SHA-256 as 16 hexadecimal digits, so that the order of
 * the text is the order on the ring. Every agent gets the same answer, on every version.
 */
export function ringPosition(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16)
}
