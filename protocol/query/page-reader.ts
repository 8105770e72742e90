import { isLanistaError } from '#protocol/errors.ts'
import { ByteReader, unzigzag } from '#protocol/samples/bytes.ts'
import { exponentMax, powersOfTen, seriesIdMax } from '#protocol/samples/format.ts'
import { openAnswer } from './answer.ts'
import { queryTimeMsMax } from './ask.ts'
import {
  answerKind,
  columnsMax,
  doublesMode,
  invalidPage,
  type PageCursor,
  pageChunksMax,
  pageSamplesMax,
  type QueryPage,
  type SeriesChunk,
  textBytesMax,
} from './page-format.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The page in an answer. Any bytes give a valid page, the refusal that the answer is, or PAGE_INVALID, in memory and time that
 * the limits of page-format.ts bound. Names are checked for length only: whoever files them parses them.
 */
export function decodePage(body: Uint8Array): QueryPage {
  const payload = openAnswer(body, answerKind.page)
  try {
    return new PageReader(payload).page()
  } catch (error) {
    throw isLanistaError(error, 'PAGE_INVALID') ? error : invalidPage('unreadable bytes', error)
  }
}

class PageReader {
  readonly #in: ByteReader
  #samples = 0

  constructor(payload: Uint8Array) {
    this.#in = new ByteReader(payload)
  }

  page(): QueryPage {
    const next = this.#next()
    const chunks: SeriesChunk[] = []
    while (this.#in.left > 0) {
      if (chunks.length >= pageChunksMax) throw invalidPage(`more than ${pageChunksMax} chunks`)
      chunks.push(this.#chunk(chunks.at(-1)))
    }
    return { chunks, next }
  }

  #next(): PageCursor | undefined {
    const flag = this.#in.byte()
    if (flag > 1) throw invalidPage(`the flag ${flag}, expected 0 or 1`)
    if (flag === 0) return undefined
    const seriesId = this.#in.varint()
    const fromMs = unzigzag(this.#in.varint())
    if (seriesId > seriesIdMax + 1 || Math.abs(fromMs) > queryTimeMsMax + 1) throw invalidPage('a cursor out of range')
    return { seriesId, fromMs }
  }

  #chunk(before: SeriesChunk | undefined): SeriesChunk {
    const { name, unit } = this.#series(before)
    const width = this.#in.byte()
    if (width > columnsMax) throw invalidPage(`${width} columns, expected at most ${columnsMax}`)
    const count = this.#in.varint()
    this.#samples += count
    if (this.#samples > pageSamplesMax) throw invalidPage(`more than ${pageSamplesMax} samples`)
    if ((width === 0) !== (count === 0)) throw invalidPage(`${count} samples in ${width} columns`)
    const timestampsMs = this.#times(count)
    const columns = Array.from({ length: width }, () => this.#column(count))
    return { name, unit, timestampsMs, columns }
  }

  #series(before: SeriesChunk | undefined): Pick<SeriesChunk, 'name' | 'unit'> {
    const name = this.#text()
    if (name !== '') return { name, unit: this.#text() || undefined }
    if (!before) throw invalidPage('a first chunk without a name')
    return before
  }

  #text(): string {
    const length = this.#in.varint()
    if (length > textBytesMax) throw invalidPage(`a text of ${length} bytes, expected at most ${textBytesMax}`)
    return length === 0 ? '' : decoder.decode(this.#in.take(length))
  }

  #times(count: number): Float64Array {
    const times = new Float64Array(count)
    let time = 0
    for (let at = 0; at < count; ) {
      const delta = unzigzag(this.#in.varint())
      const end = at + this.#run(count - at)
      for (; at < end; at++) {
        if (at > 0 && delta <= 0) throw invalidPage('times that do not increase')
        times[at] = time += delta
      }
      if (!(Math.abs(time) <= queryTimeMsMax)) throw invalidPage('a time out of range')
    }
    return times
  }

  #column(count: number): Float64Array {
    const mode = this.#in.byte()
    if (mode === doublesMode) return this.#doubles(count)
    if (mode > exponentMax) throw invalidPage(`the column mode ${mode}`)
    const power = powersOfTen[mode] as number
    const values = new Float64Array(count)
    let mantissa = 0
    for (let at = 0; at < count; ) {
      const change = this.#in.varint()
      if (change === 0) {
        const end = at + this.#run(count - at)
        values.fill(mantissa / power, at, end)
        at = end
      } else {
        mantissa += unzigzag(change)
        if (!Number.isSafeInteger(mantissa)) throw invalidPage('an integer beyond 53 bits')
        values[at++] = mantissa / power
      }
    }
    return values
  }

  #doubles(count: number): Float64Array {
    if (this.#in.left < count * 8) throw invalidPage('a column that ends early')
    const values = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      const value = this.#in.double()
      if (!Number.isFinite(value)) throw invalidPage(`the number ${value}, expected a finite one`)
      values[i] = value
    }
    return values
  }

  #run(left: number): number {
    const length = this.#in.varint()
    if (length < 1 || length > left) throw invalidPage(`a run of ${length} with ${left} samples left`)
    return length
  }
}
