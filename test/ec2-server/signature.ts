/** Signature version 4 as the server checks it (AWS "Create a signed AWS API request"): over method, path, query, headers, body. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Ec2Fault } from './query-form.ts'

export interface SignedRequest {
  readonly method: string
  /** Path with query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A key that may sign; what is `expired` is known and refused. */
export interface AccessKey {
  readonly secret: string
  readonly isExpired: boolean
}

const skewMsMax = 300_000
const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** The region that was signed for. Throws AuthFailure, RequestExpired. */
export function checkSignature(
  request: SignedRequest,
  keys: ReadonlyMap<string, AccessKey>,
  nowMs: number = Date.now(),
): string {
  const [, id = '', day = '', region = '', service = '', names = '', signature = ''] =
    form.exec(request.headers.authorization ?? '') ?? []
  const key = keys.get(id)
  if (!key) throw new Ec2Fault('AuthFailure', 'AWS was not able to validate the provided access credentials', 401)
  const time = String(request.headers['x-amz-date'] ?? '')
  const scope = `${day}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalOf(request, names))].join('\n')
  const signing = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${key.secret}`))
  const expected = hmac(signing, toSign)
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) {
    throw new Ec2Fault('AuthFailure', 'AWS was not able to validate the provided access credentials', 401)
  }
  if (key.isExpired || Math.abs(timeOf(time) - nowMs) > skewMsMax) {
    throw new Ec2Fault('RequestExpired', 'Request has expired.')
  }
  return region
}

function canonicalOf({ method, url, headers, body }: SignedRequest, names: string): string {
  const { pathname, searchParams } = new URL(url, 'http://server')
  const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).toSorted()
  const lines = names.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}`)
  return [method, pathname, query.join('&'), ...lines, '', names, sha256(body)].join('\n')
}

function timeOf(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
