/**
 * What an agent shows an MQTT broker in place of a secret: `<session>.<ms>.<signature of "lanista-mqtt.T.C.H.<session>.<ms>">`,
 * signed with its nkey. The broker lets in only what is newer than the newest it has seen, so a copy of it is worth nothing.
 */
import type { NkeyPair } from './nkey.ts'

/** A login's place in time; greater = newer, session first. */
export interface LoginTime {
  readonly session: number
  /** The agent's wall clock at the login, ms; never the same twice in one session. */
  readonly ms: number
}

/** The password for one login of `hostId` (`T.C.H`). */
export function makeMqttPassword(key: NkeyPair, hostId: string, time: LoginTime): string {
  return `${time.session}.${time.ms}.${key.sign(signedText(hostId, time))}`
}

/** The login's time when the signature fits; undefined for anything else. */
export function checkMqttPassword(
  verify: (data: Uint8Array, signature: string) => boolean,
  hostId: string,
  password: string,
): LoginTime | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})\.([A-Za-z0-9_-]{86})$/.exec(password)
  const [, session, ms, signature] = match ?? []
  if (!session || !ms || !signature) return undefined
  const time = { session: Number(session), ms: Number(ms) }
  return verify(signedText(hostId, time), signature) ? time : undefined
}

/** Is `time` newer than `seen`? */
export function isNewerLogin(time: LoginTime, seen: LoginTime | undefined): boolean {
  if (!seen) return true
  return time.session === seen.session ? time.ms > seen.ms : time.session > seen.session
}

function signedText(hostId: string, time: LoginTime): Buffer {
  return Buffer.from(`lanista-mqtt.${hostId}.${time.session}.${time.ms}`)
}
