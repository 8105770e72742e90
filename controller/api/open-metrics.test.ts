import { describe, expect, it } from 'vitest'
import { formatOpenMetrics } from './open-metrics.ts'
import { parseOpenMetrics } from './open-metrics-grammar.ts'

describe('OpenMetrics text', () => {
  it('is written byte by byte as the specification has it', () => {
    const text = formatOpenMetrics([
      { name: 'a_build', type: 'info', help: 'Version.', samples: [{ labels: { version: '1.0' }, value: 1 }] },
      {
        name: 'a_size_bytes',
        type: 'gauge',
        unit: 'bytes',
        help: 'With "quotes" and \\.',
        samples: [{ value: 1.5e21 }],
      },
      {
        name: 'a_drops',
        type: 'counter',
        help: 'Two\nlines.',
        samples: [
          { labels: { reason: 'a "b"\\\n', empty: '' }, value: 0 },
          { labels: { reason: 'c' }, value: 2 },
        ],
      },
    ])
    expect(text).toBe(`# TYPE a_build info
# HELP a_build Version.
a_build_info{version="1.0"} 1
# TYPE a_size_bytes gauge
# UNIT a_size_bytes bytes
# HELP a_size_bytes With \\"quotes\\" and \\\\.
a_size_bytes 1.5e+21
# TYPE a_drops counter
# HELP a_drops Two\\nlines.
a_drops_total{reason="a \\"b\\"\\\\\\n"} 0
a_drops_total{reason="c"} 2
# EOF
`)
    expect(parseOpenMetrics(text).get('a_drops_total{reason="c"}')).toBe(2)
  })

  it('of nothing is its end', () => {
    expect(formatOpenMetrics([])).toBe('# EOF\n')
  })

  it.each([
    ['a unit that is no suffix', { name: 'a', type: 'gauge' as const, unit: 'bytes', help: '', samples: [] }],
    ['a name outside the alphabet', { name: 'a.b', type: 'gauge' as const, help: '', samples: [] }],
  ])('refuses %s', (_name, family) => {
    expect(() => formatOpenMetrics([family])).toThrow(/metric family/)
  })
})
