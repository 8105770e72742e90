/** What one look of a detector has found: whether it is as it was asked for, and the reason in words. */
export interface Finding {
  readonly isMet: boolean
  readonly reason: string
}

export const met = (reason: string): Finding => ({ isMet: true, reason })
export const unmet = (reason: string): Finding => ({ isMet: false, reason })
