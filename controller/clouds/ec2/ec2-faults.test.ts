import { expect, it } from 'vitest'
import { cloudError } from '../cloud-error.ts'
import { ec2Fault } from './ec2-faults.ts'

function sdkError(name: string, status?: number): Error {
  return Object.assign(new Error('in its own words'), { name, $metadata: { httpStatusCode: status } })
}

it.each([
  ['RequestLimitExceeded', 503, 'CLOUD_THROTTLED'],
  ['EC2ThrottledException', 400, 'CLOUD_THROTTLED'],
  ['SlowDown', 429, 'CLOUD_THROTTLED'],
  ['InsufficientInstanceCapacity', 500, 'CLOUD_CAPACITY'],
  ['Unsupported', 400, 'CLOUD_CAPACITY'],
  ['VcpuLimitExceeded', 400, 'CLOUD_QUOTA'],
  ['SomethingNewLimitExceeded', 400, 'CLOUD_QUOTA'],
  ['AuthFailure', 401, 'CLOUD_CREDENTIALS_WRONG'],
  ['RequestExpired', 400, 'CLOUD_CREDENTIALS_EXPIRED'],
  ['UnauthorizedOperation', 403, 'CLOUD_FORBIDDEN'],
  ['IdempotentParameterMismatch', 400, 'CLOUD_TOKEN_MISMATCH'],
  ['IdempotentInstanceTerminated', 400, 'CLOUD_TOKEN_SPENT'],
  ['InvalidInstanceID.NotFound', 400, 'CLOUD_NOT_FOUND'],
  ['InvalidGroup.NotFound', 400, 'CLOUD_TRANSIENT'],
  ['InvalidAMIID.NotFound', 400, 'CLOUD_INVALID'],
  ['InternalError', 500, 'CLOUD_TRANSIENT'],
  ['SyntaxError', 200, 'CLOUD_TRANSIENT'],
  ['TimeoutError', undefined, 'CLOUD_TRANSIENT'],
])('%s (%s) asks for %s', (name, status, code) => {
  const fault = ec2Fault(sdkError(name, status))
  expect(fault).toMatchObject({ code, data: { cloudCode: name, status } })
  expect(fault.message).toContain(`EC2 says ${name}: in its own words`)
})

it('leaves alone what is in our words already', () => {
  const error = cloudError('CLOUD_QUOTA', 'enough')
  expect(ec2Fault(error)).toBe(error)
})
