/** A strict reader of OpenMetrics text, for tests: it accepts what the specification's grammar accepts of what we write. */

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?))$/
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"$/
const suffixes: Readonly<Record<string, string>> = { counter: '_total', gauge: '', info: '_info' }

/** Samples by their text before the value; throws an Error with the offending line. */
export function parseOpenMetrics(text: string): Map<string, number> {
  if (!text.endsWith('# EOF\n') || /\r|\n\n/.test(text)) throw new Error('no end, a CR or an empty line')
  const samples = new Map<string, number>()
  const families = new Set<string>()
  let family: { name: string; type: string; stage: number } | undefined
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, keyword, name = '', rest = ''] = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'TYPE') {
      if (families.has(name) || !(rest in suffixes)) throw new Error(`family twice, or of no type: ${line}`)
      families.add(name)
      family = { name, type: rest, stage: 0 }
      continue
    }
    if (!family) throw new Error(`no family: ${line}`)
    if (keyword !== undefined) {
      const stage = keyword === 'UNIT' ? 1 : 2
      if (name !== family.name || stage <= family.stage) throw new Error(`metadata out of order: ${line}`)
      if (stage === 1 && !name.endsWith(`_${rest}`)) throw new Error(`unit is no suffix: ${line}`)
      family.stage = stage
      continue
    }
    family.stage = 3
    const key = checkSample(line, family.name + suffixes[family.type])
    if (samples.has(key)) throw new Error(`sample twice: ${line}`)
    samples.set(key, Number(line.slice(line.lastIndexOf(' ') + 1)))
  }
  return samples
}

function checkSample(line: string, expectedName: string): string {
  const [, name, labels] = sampleLine.exec(line) ?? []
  if (name !== expectedName) throw new Error(`sample outside its family: ${line}`)
  const names = new Set<string>()
  for (const pair of labels === undefined ? [] : labels.split(/,(?=[a-zA-Z_][a-zA-Z0-9_]*=")/)) {
    const label = labelPair.exec(pair)?.[1]
    if (label === undefined || names.has(label)) throw new Error(`label: ${line}`)
    names.add(label)
  }
  return line.slice(0, line.lastIndexOf(' '))
}
