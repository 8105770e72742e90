/** Clients of other protocols that find this port: health checks, scanners, a mistyped URL. */

/** What the first bytes of a connection show it to be; undefined for anything that may be carbon. */
export function sniff(head: Buffer): 'http' | 'tls' | undefined {
  if (head.length >= 3 && head[0] === 0x16 && head[1] === 0x03 && (head[2] as number) <= 4) return 'tls'
  const lf = head.indexOf(0x0a)
  if (lf === -1) return undefined
  return /^[A-Z]{3,7} \S+ HTTP\/\d(?:\.\d)?\r?$/.test(head.toString('latin1', 0, lf)) ? 'http' : undefined
}

const answer = 'This port takes Graphite lines: path value timestamp\n'

/** A last word in the client's own protocol, so that a person sees what is wrong: an HTTP 400, a TLS handshake_failure alert. */
export const farewells: Readonly<Record<'http' | 'tls', Buffer>> = {
  http: Buffer.from(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`,
  ),
  tls: Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]),
}
