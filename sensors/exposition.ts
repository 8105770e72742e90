/**
 * Parses a metrics page: OpenMetrics 1.0, strictly (a page that breaks a rule, or is cut short, is refused whole, as the
 * specification demands), or Prometheus text 0.0.4, as leniently as Prometheus does.
 */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { Family } from './exposition-family.ts'
import { type ExpositionSample, invalidExposition, parseSampleLine } from './exposition-line.ts'

export interface PageSample extends ExpositionSample {
  /** The family's unit where the page tells. */
  readonly unit?: string | undefined
}

/** True when a Content-Type names OpenMetrics. */
export function isOpenMetrics(contentType: string): boolean {
  return /^\s*application\/openmetrics-text\b/i.test(contentType)
}

/** Throws EXPOSITION_INVALID with the line. */
export function parsePrometheusText(text: string): readonly PageSample[] {
  return text.split('\n').flatMap((line, index) => {
    const content = line.trim()
    if (content === '' || content.startsWith('#')) return []
    return [atLine(index + 1, () => parseSampleLine(content, false))]
  })
}

/** Throws EXPOSITION_INVALID with the line. */
export function parseOpenMetrics(text: string): readonly PageSample[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (lines.pop() !== '# EOF') throw invalidExposition('no # EOF at the end')
  const page = new Page()
  lines.forEach((line, index) => atLine(index + 1, () => page.take(line)))
  return page.end()
}

class Page {
  readonly #samples: PageSample[] = []
  readonly #names = new Set<string>()
  #family: Family | undefined

  take(line: string): void {
    if (line.startsWith('#')) this.#takeMetadata(line)
    else this.#takeSample(parseSampleLine(line, true))
  }

  end(): readonly PageSample[] {
    this.#endFamily()
    return this.#samples
  }

  #takeMetadata(line: string): void {
    const [, keyword, name, text] = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line) ?? []
    if (keyword === undefined || name === undefined || text === undefined) throw invalidExposition('a comment')
    if (this.#family?.name !== name) this.#begin(name)
    this.#family?.describe(keyword, text)
  }

  #takeSample(sample: ExpositionSample): void {
    if (!this.#family?.owns(sample.name)) this.#begin(sample.name)
    this.#family?.add(sample)
    this.#samples.push({ ...sample, unit: this.#family?.unit || undefined })
  }

  #begin(name: string): void {
    this.#endFamily()
    this.#family = new Family(name)
  }

  #endFamily(): void {
    if (!this.#family) return
    this.#family.end()
    for (const name of this.#family.reservedNames) {
      if (this.#names.has(name)) throw invalidExposition(`the name ${name} in two places`)
      this.#names.add(name)
    }
  }
}

function atLine<T>(line: number, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new LanistaError('EXPOSITION_INVALID', `${messageOf(error)}, line ${line}`, { cause: error, data: { line } })
  }
}
