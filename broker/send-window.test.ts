import { describe, expect, it } from 'vitest'
import { SendWindow, underWayBytesMax } from './send-window.ts'

const mebibyte = 1024 * 1024

describe('a send window', () => {
  it('refuses what a broker that confirms nothing would make us keep', () => {
    const window = new SendWindow(() => new Promise(() => {}))
    for (let sent = 0; sent < underWayBytesMax; sent += mebibyte) {
      window.check(mebibyte)
      window.add(mebibyte)
    }
    expect(() => window.check(1)).toThrow(expect.objectContaining({ code: 'BUSY' }))
  })

  it('opens again as far as the broker has come', async () => {
    const confirm: (() => void)[] = []
    const window = new SendWindow(() => new Promise((resolve) => confirm.push(resolve)))
    for (let sent = 0; sent < underWayBytesMax; sent += mebibyte) window.add(mebibyte)
    confirm[3]?.()
    await Promise.resolve()
    expect(() => window.check(4 * mebibyte)).not.toThrow()
    expect(() => window.check(4 * mebibyte + 1)).toThrow()
  })

  it('asks the broker once in 256 KiB, and survives its refusal', async () => {
    let asked = 0
    const window = new SendWindow(() => {
      asked++
      return Promise.reject(new Error('cut'))
    })
    for (let i = 0; i < 1024; i++) window.add(1024)
    await Promise.resolve()
    expect(asked).toBe(4)
  })
})
