/** Hosts named in one header; the count says how many there are. */
const namedMax = 100

/**
 * `X-Lanista-Answered`: hosts whose samples came from somebody who holds them. `X-Lanista-Unanswered`: how many did not answer, and
 * up to 100 of them as `tenant.cloud.host`, separated by commas; their rows, where there are any, are `served_by` the controller's window.
 */
export function unansweredHeaders(unanswered: readonly string[], answered: number): Record<string, string> {
  const names = unanswered.slice(0, namedMax).join(', ')
  return {
    'x-lanista-answered': String(answered),
    ...(unanswered.length > 0 ? { 'x-lanista-unanswered': `${unanswered.length}; ${names}` } : {}),
  }
}
