import { expect, it } from 'vitest'
import { httpFault } from './openstack-http.ts'

it.each([
  [300, 'choose a version', 'CLOUD_INVALID'],
  [400, 'Invalid imageRef provided.', 'CLOUD_INVALID'],
  [401, 'The request you have made requires authentication.', 'CLOUD_CREDENTIALS_WRONG'],
  [401, 'The password is expired and needs to be changed for user: x.', 'CLOUD_CREDENTIALS_EXPIRED'],
  [403, 'Quota exceeded for cores', 'CLOUD_QUOTA'],
  [403, "Policy doesn't allow os_compute_api:servers:create to be performed.", 'CLOUD_FORBIDDEN'],
  [404, 'Instance x could not be found.', 'CLOUD_NOT_FOUND'],
  [409, 'Cannot delete while it is in task_state rebuilding', 'CLOUD_TRANSIENT'],
  [409, 'Multiple possible networks found, use a Network ID to be more specific.', 'CLOUD_INVALID'],
  [413, 'Over limit', 'CLOUD_QUOTA'],
  [429, 'This request was rate-limited.', 'CLOUD_THROTTLED'],
  [500, 'No valid host was found.', 'CLOUD_CAPACITY'],
  [503, '', 'CLOUD_TRANSIENT'],
])('%s %s asks for %s', (status, message, code) => {
  const answer = { status, headers: new Headers(), body: { someFault: { code: status, message } } }
  const fault = httpFault(answer, 'POST compute/servers')
  expect(fault).toMatchObject({ code, data: { status } })
  expect(fault.message).toContain(`POST compute/servers is answered ${status}`)
})

it('reads an answer without words', () => {
  expect(httpFault({ status: 502, headers: new Headers(), body: undefined }, 'x').code).toBe('CLOUD_TRANSIENT')
})
