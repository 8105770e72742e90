/** What EC2's error codes ask of us (AWS "Error codes for the Amazon EC2 API"). Pure. */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type CloudErrorCode, cloudError } from '../cloud-error.ts'

const byCode: Readonly<Record<string, CloudErrorCode>> = {
  RequestLimitExceeded: 'CLOUD_THROTTLED',
  Throttling: 'CLOUD_THROTTLED',
  ThrottlingException: 'CLOUD_THROTTLED',
  EC2ThrottledException: 'CLOUD_THROTTLED',
  InsufficientInstanceCapacity: 'CLOUD_CAPACITY',
  InsufficientHostCapacity: 'CLOUD_CAPACITY',
  InsufficientCapacity: 'CLOUD_CAPACITY',
  InsufficientFreeAddressesInSubnet: 'CLOUD_CAPACITY',
  Unsupported: 'CLOUD_CAPACITY',
  MaxSpotInstanceCountExceeded: 'CLOUD_CAPACITY',
  SpotMaxPriceTooLow: 'CLOUD_CAPACITY',
  VcpuLimitExceeded: 'CLOUD_QUOTA',
  InstanceLimitExceeded: 'CLOUD_QUOTA',
  SecurityGroupLimitExceeded: 'CLOUD_QUOTA',
  RulesPerSecurityGroupLimitExceeded: 'CLOUD_QUOTA',
  AuthFailure: 'CLOUD_CREDENTIALS_WRONG',
  InvalidClientTokenId: 'CLOUD_CREDENTIALS_WRONG',
  SignatureDoesNotMatch: 'CLOUD_CREDENTIALS_WRONG',
  MissingAuthenticationToken: 'CLOUD_CREDENTIALS_WRONG',
  RequestExpired: 'CLOUD_CREDENTIALS_EXPIRED',
  ExpiredToken: 'CLOUD_CREDENTIALS_EXPIRED',
  ExpiredTokenException: 'CLOUD_CREDENTIALS_EXPIRED',
  UnauthorizedOperation: 'CLOUD_FORBIDDEN',
  OptInRequired: 'CLOUD_FORBIDDEN',
  PendingVerification: 'CLOUD_FORBIDDEN',
  Blocked: 'CLOUD_FORBIDDEN',
  IdempotentParameterMismatch: 'CLOUD_TOKEN_MISMATCH',
  IdempotentInstanceTerminated: 'CLOUD_TOKEN_SPENT',
  'InvalidInstanceID.NotFound': 'CLOUD_NOT_FOUND',
  'InvalidInstanceID.Malformed': 'CLOUD_NOT_FOUND',
  // what we have just made, and the part of EC2 that we ask now has not heard of
  'InvalidGroup.NotFound': 'CLOUD_TRANSIENT',
  'InvalidKeyPair.NotFound': 'CLOUD_TRANSIENT',
  IncorrectInstanceState: 'CLOUD_TRANSIENT',
}

/** Any error of a request, in our words. Answers that cannot be read and connections that break count as lost. */
export function ec2Fault(error: unknown): LanistaError {
  if (error instanceof LanistaError) return error
  const { name, status } = factsOf(error)
  const found = `EC2 says ${name}: ${messageOf(error)}`
  const options = { cause: error, data: { cloudCode: name, status } }
  return cloudError(byCode[name] ?? byStatus(name, status), found, options)
}

function byStatus(name: string, status: number | undefined): CloudErrorCode {
  if (status === 429) return 'CLOUD_THROTTLED'
  if (status === undefined || status >= 500 || status < 300) return 'CLOUD_TRANSIENT'
  if (name.endsWith('LimitExceeded')) return 'CLOUD_QUOTA'
  if (status === 401) return 'CLOUD_CREDENTIALS_WRONG'
  return status === 403 ? 'CLOUD_FORBIDDEN' : 'CLOUD_INVALID'
}

function factsOf(error: unknown): { name: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: '', status: undefined }
  const metadata = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number | undefined }) : undefined
  return { name: error.name, status: metadata?.httpStatusCode }
}
