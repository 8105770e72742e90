import { expect, test } from 'vitest'
import { formatHostPort } from './host-port.ts'

test.each([
  ['127.0.0.1', '127.0.0.1:2003'],
  ['web-1.example', 'web-1.example:2003'],
  ['::1', '[::1]:2003'],
  ['fe80::1%eth0', '[fe80::1%eth0]:2003'],
])('%s with a port is %s', (host, expected) => {
  expect(formatHostPort(host, 2003)).toBe(expected)
})
