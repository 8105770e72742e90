import { describe, expect, it } from 'vitest'
import { checkMqttPassword, isNewerLogin, makeMqttPassword } from './mqtt-password.ts'
import { generateNkey, nkeyVerifier } from './nkey.ts'

const key = generateNkey()
const check = nkeyVerifier(key.publicKey)
const time = { session: 1_700_000_000, ms: 1_700_000_000_123 }
const password = makeMqttPassword(key, 'acme.c1.a1', time)

describe('an MQTT password', () => {
  it('tells the login time when its signature fits', () => {
    expect(checkMqttPassword(check, 'acme.c1.a1', password)).toEqual(time)
  })

  it.each([
    ['another host', 'acme.c1.a2', password],
    ['another session', 'acme.c1.a1', password.replace('1700000000.', '1700000001.')],
    ['another key', 'acme.c1.a1', makeMqttPassword(generateNkey(), 'acme.c1.a1', time)],
    ['no signature', 'acme.c1.a1', '1.2.'],
    ['nothing', 'acme.c1.a1', ''],
    ['a huge number', 'acme.c1.a1', `${'9'.repeat(40)}.1.${'A'.repeat(86)}`],
  ])('is refused for %s', (_what, hostId, shown) => {
    expect(checkMqttPassword(check, hostId, shown)).toBeUndefined()
  })

  it('is newer by session first, then by time, and never equal to itself', () => {
    expect(isNewerLogin(time, undefined)).toBe(true)
    expect(isNewerLogin(time, time)).toBe(false)
    expect(isNewerLogin({ ...time, ms: time.ms + 1 }, time)).toBe(true)
    expect(isNewerLogin({ session: time.session + 1, ms: 0 }, time)).toBe(true)
    expect(isNewerLogin({ session: time.session - 1, ms: time.ms + 9 }, time)).toBe(false)
  })
})
