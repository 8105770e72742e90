/** Which version of its code an instance is to run; `controller/code` decides on versions, this on instances. Pure. */
import type { CodeVersion, InstanceSpec } from '#protocol/instances/spec.ts'

export interface WantedCode {
  /** What all run but for a roll-out; undefined = nothing was enabled. */
  readonly current: CodeVersion | undefined
  /** What is being rolled out. */
  readonly to: CodeVersion | undefined
  /** Who may change to it now. */
  readonly admitted: ReadonlySet<string>
  /** The roll-out has failed, and everybody goes back. */
  readonly isBack: boolean
  /** What the roll-out waits for, in words. */
  readonly waits: string | undefined
  /** What is enabled, and how the last roll-out ended, in words. */
  readonly says: string
}

/** What a new instance runs. */
export function codeOfNew(code: WantedCode | undefined): CodeVersion | undefined {
  return code?.current
}

/** What an instance that is there runs: while others change it keeps what it has until it is its turn. */
export function codeOf(
  code: WantedCode | undefined,
  { id, code: own }: Pick<InstanceSpec, 'id' | 'code'>,
): CodeVersion | undefined {
  if (!code?.to || code.isBack) return code?.current
  return code.admitted.has(id) ? code.to : own
}
