import { describe, expect, it } from 'vitest'
import { encodeTrial, parseTrial, resumptionOf, type Standing, type Trial } from './trial.ts'

const trial: Trial = { order: 'ord-1', from: 'factory', to: 'a', gateSeconds: 60 }

describe('the line of a trial', () => {
  it('is what it was after it has been written', () => {
    expect(encodeTrial(trial)).toBe('ord-1 factory a 60\n')
    expect(parseTrial(encodeTrial(trial))).toEqual(trial)
  })

  it.each(['', 'ord-1', 'ord-1 c a 60', 'ord-1 a factory 60', 'ord-1 a b 0', 'ord-1 a b 1 more', 'o$1 a b 60'])(
    'is nothing else: %j',
    (line) => expect(parseTrial(line)).toBeUndefined(),
  )
})

describe('an order that an earlier agent started', () => {
  const standing = (state: Standing['state'], reason?: string): Standing =>
    reason === undefined ? { state, trial } : { state, trial, reason }
  const interrupted = { kind: 'failed', code: 'UPGRADE_INTERRUPTED' }
  it.each([
    ['nothing was begun', undefined, interrupted],
    ['an older one was confirmed', { ...standing('confirmed'), trial: { ...trial, order: 'ord-0' } }, interrupted],
    ['this is the new one', standing('trial'), { kind: 'prove', trial }],
    ['it is about to be ended', standing('overdue'), { kind: 'wait' }],
    ['the new one was confirmed', standing('confirmed'), { kind: 'done' }],
    [
      'it was taken back',
      standing('rolled-back', 'it ended 3 times before it was confirmed'),
      {
        kind: 'failed',
        code: 'UPGRADE_ROLLED_BACK',
        reason: 'the new bundle was taken back: it ended 3 times before it was confirmed',
      },
    ],
    ['it was taken back, nobody said why', standing('rolled-back'), { kind: 'failed', code: 'UPGRADE_ROLLED_BACK' }],
  ] as const)('%s', (_, found, expected) => {
    expect(resumptionOf('ord-1', found)).toMatchObject(expected)
  })
})
