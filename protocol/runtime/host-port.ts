/** `host:port` as URLs and people write it: an IPv6 address in brackets, so that its last colon is the port's. */
export function formatHostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
