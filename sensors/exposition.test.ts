import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { isOpenMetrics, parseOpenMetrics, parsePrometheusText } from './exposition.ts'
import { linesOf } from './fixture-tree.ts'
import { scrapeReadings } from './scrape-readings.ts'

/** The page as lines `name{label=value} value`. */
function page(text: string): string[] {
  return parseOpenMetrics(`${text}\n# EOF\n`).map(({ name, labels, value }) => {
    const inside = [...labels].map(([key, label]) => `${key}=${label}`).join(',')
    return `${name}{${inside}} ${value}`
  })
}

const histogram = '# TYPE h histogram\nh_bucket{le="1.0"} 2\nh_bucket{le="+Inf"} 5'

describe('OpenMetrics', () => {
  it.each<[string, string, string[]]>([
    ['a counter', '# TYPE a counter\n# HELP a Help.\na_total 1\na_created 5', ['a_total{} 1', 'a_created{} 5']],
    ['a gauge without type', 'a 1.5e3', ['a{} 1500']],
    ['a unit', '# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 2', ['a_seconds{} 2']],
    ['a timestamp', 'a 1 123.5', ['a{} 1']],
    ['empty braces', 'a{} 1', ['a{} 1']],
    ['escapes', 'a{x="\\"q\\" \\\\ \\n"} 1', ['a{x="q" \\ \n} 1']],
    ['braces, commas, hashes in a value', 'a{x="} 2 # {,"} 1', ['a{x=} 2 # {,} 1']],
    ['infinities and NaN', 'a +Inf\nb NaN', ['a{} Infinity', 'b{} NaN']],
    [
      'a histogram',
      `${histogram}\nh_count 5\nh_sum 9`,
      ['h_bucket{le=1.0} 2', 'h_bucket{le=+Inf} 5', 'h_count{} 5', 'h_sum{} 9'],
    ],
    [
      'a summary',
      '# TYPE s summary\ns{quantile="0.5"} 3\ns_count 2\ns_sum 4',
      ['s{quantile=0.5} 3', 's_count{} 2', 's_sum{} 4'],
    ],
    ['a state set', '# TYPE f stateset\nf{f="on"} 1\nf{f="off"} 0', ['f{f=on} 1', 'f{f=off} 0']],
    ['an info', '# TYPE b info\nb_info{version="1"} 1', ['b_info{version=1} 1']],
    ['an exemplar', '# TYPE a counter\na_total 1 # {trace="x"} 0.5 1.0', ['a_total{} 1']],
  ])('takes %s', (_, text, lines) => {
    expect(page(text)).toEqual(lines)
  })

  it.each([
    ['a blank line', 'a 1\n\nb 2'],
    ['a carriage return', 'a 1\r'],
    ['a leading blank', ' a 1'],
    ['two blanks', 'a  1'],
    ['a free comment', '# hello'],
    ['an unknown type', '# TYPE a thing'],
    ['a type twice', '# TYPE a gauge\n# TYPE a gauge'],
    ['metadata after samples', 'a 1\n# TYPE a gauge'],
    ['a unit that is no suffix', '# UNIT a seconds\na 1'],
    ['a unit of an info', '# TYPE a_x info\n# UNIT a_x x\na_x_info 1'],
    ['a counter without _total', '# TYPE a counter\na 1'],
    ['a negative counter', '# TYPE a counter\na_total -1'],
    ['a counter that is NaN', '# TYPE a counter\na_total NaN'],
    ['families that are not apart', 'a 1\nb 1\na{x="1"} 1'],
    ['groups that are not apart', '# TYPE a counter\na_total{x="1"} 1\na_total{x="2"} 1\na_created{x="1"} 1'],
    ['names that clash', '# TYPE a counter\na_total 1\n# TYPE a_total gauge\na_total 1'],
    ['a bad name', '0a 1'],
    ['a bad label', 'a{0x="1"} 1'],
    ['a label twice', 'a{x="1",x="2"} 1'],
    ['a trailing comma', 'a{x="1",} 1'],
    ['single quotes', "a{x='1'} 1"],
    ['no quotes', 'a{x=1} 1'],
    ['no value', 'a'],
    ['a value that is none', 'a 0x1'],
    ['a timestamp that is none', 'a 1 now'],
    ['timestamps that go back', 'a 1 5\na 1 4'],
    ['a histogram without +Inf', '# TYPE h histogram\nh_bucket{le="1"} 1'],
    ['buckets that shrink', '# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2'],
    ['buckets out of order', '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1'],
    ['a count that differs', `${histogram}\nh_count 4\nh_sum 1`],
    ['a count without sum', `${histogram}\nh_count 5`],
    ['a quantile above 1', '# TYPE s summary\ns{quantile="1.5"} 1'],
    ['a state of 2', '# TYPE f stateset\nf{f="a"} 2'],
    ['an info of 2', '# TYPE b info\nb_info 2'],
    ['an exemplar at a gauge', '# TYPE a gauge\na 1 # {x="1"} 1'],
    ['an exemplar that is too long', `# TYPE a counter\na_total 1 # {x="${'y'.repeat(128)}"} 1`],
  ])('refuses %s', (_, text) => {
    expect(() => page(text)).toThrow(expect.objectContaining({ code: 'EXPOSITION_INVALID' }))
  })

  it.each(['a 1\n', 'a 1\n# EOF\nb 1\n', '# EOF\n\n'])('refuses a page that does not end at # EOF: %j', (text) => {
    expect(() => parseOpenMetrics(text)).toThrow('EOF')
  })

  it('names the line of a mistake', () => {
    expect(() => page('a 1\nb two')).toThrow('found "two" for a number, line 2')
  })

  it('throws nothing but its own error, whatever the page', () => {
    const line = fc.oneof(fc.constantFrom('# TYPE a histogram', 'a_bucket{le="1"} 1', '# EOF', 'a{x="\\'), fc.string())
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const parse of [parseOpenMetrics, parsePrometheusText]) {
          try {
            parse(lines.join('\n'))
          } catch (error) {
            expect(isLanistaError(error, 'EXPOSITION_INVALID')).toBe(true)
          }
        }
      }),
    )
  })
})

describe('Prometheus text', () => {
  it('is read with its blanks, comments, trailing commas and carriage returns', () => {
    const text =
      '# any comment\n\n  a { x = "1" , }\t 5  1700000000000\r\nb_bucket{le="+Inf",} 3\n# TYPE b histogram\nc +Inf'
    const samples = parsePrometheusText(text)
    expect(samples.map(({ name, value }) => [name, value])).toEqual([
      ['a', 5],
      ['b_bucket', 3],
      ['c', Number.POSITIVE_INFINITY],
    ])
    expect([...(samples[0]?.labels ?? [])]).toEqual([['x', '1']])
  })

  it.each(['a', 'a{x="1" 1', 'a{x} 1', '{} 1', 'a 1 2 3', 'a one'])('refuses %j', (text) => {
    expect(() => parsePrometheusText(text)).toThrow(expect.objectContaining({ code: 'EXPOSITION_INVALID' }))
  })
})

it.each([
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
  ['text/plain; version=0.0.4', false],
  ['', false],
])('content type %j is OpenMetrics: %s', (type, is) => {
  expect(isOpenMetrics(type)).toBe(is)
})

it('makes readings of what can be stored and counts the rest', () => {
  const samples = parsePrometheusText('a{x="",y="p q;r"} 1\nb NaN\nc +Inf\nd 2\ne 3')
  const { readings, dropped, leftOut } = scrapeReadings(samples, 2)
  expect(linesOf(readings)).toEqual(['a;y=p_q_r 1 -', 'd 2 -'])
  expect([dropped, leftOut]).toEqual([2, 1])
})
