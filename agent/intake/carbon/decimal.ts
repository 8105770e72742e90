/**
 * Decimal text to the nearest double, from bytes. Up to 15 digits are an exact integer in a double, and powers of ten up to
 * 10^22 are exact too, so one multiplication or division rounds once and correctly (Clinger, "How to read floating point
 * numbers accurately", 1990). Everything else goes to `Number`, after the grammar was checked here: `Number` alone takes
 * '', ' ' and '0x10'.
 */
import { byte } from './byte.ts'

/** Digits that always fit a double exactly. */
export const exactDigitsMax = 15

/** 10^0 … 10^22, each exact. */
export const powersOfTen: Float64Array = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

const exponentMax = 99_999

/**
 * Parses `[+-] digits [. digits] [e [+-] digits]` with at least one digit before the exponent, filling [start, end) whole.
 * @returns the correctly rounded value, ±Infinity beyond the range of doubles, NaN when the text is not of that form
 */
export function parseDecimal(bytes: Buffer, start: number, end: number): number {
  let at = start
  const sign = at < end ? bytes[at] : 0
  if (sign === byte.minus || sign === byte.plus) at++
  const whole = at
  let mantissa = 0
  for (; at < end && isDigit(bytes[at] as number); at++) mantissa = mantissa * 10 + (bytes[at] as number) - byte.zero
  let digits = at - whole
  let exponent = 0
  if (at < end && bytes[at] === byte.dot) {
    const fraction = ++at
    for (; at < end && isDigit(bytes[at] as number); at++) mantissa = mantissa * 10 + (bytes[at] as number) - byte.zero
    exponent = fraction - at
    digits -= exponent
  }
  if (digits === 0) return Number.NaN
  if (at < end) {
    const power = parseExponent(bytes, at, end)
    if (Number.isNaN(power)) return power
    exponent += power
  }
  if (digits > exactDigitsMax || exponent > 22 || exponent < -22) return Number(bytes.toString('latin1', start, end))
  const value =
    exponent < 0 ? mantissa / (powersOfTen[-exponent] as number) : mantissa * (powersOfTen[exponent] as number)
  return sign === byte.minus ? -value : value
}

/** `e [+-] digits` filling [start, end), clamped; NaN otherwise. */
function parseExponent(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== byte.lowerE && bytes[start] !== byte.upperE) return Number.NaN
  let at = start + 1
  const sign = at < end ? bytes[at] : 0
  if (sign === byte.minus || sign === byte.plus) at++
  if (at === end) return Number.NaN
  let power = 0
  for (; at < end; at++) {
    if (!isDigit(bytes[at] as number)) return Number.NaN
    power = Math.min(power * 10 + (bytes[at] as number) - byte.zero, exponentMax)
  }
  return sign === byte.minus ? -power : power
}

function isDigit(value: number): boolean {
  return value >= byte.zero && value <= byte.nine
}
