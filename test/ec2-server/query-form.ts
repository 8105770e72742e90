/** The EC2 query protocol: parameters `Filter.1.Value.2=x` read, answers and errors written as XML. */

/** A request of EC2 that is refused; `code` is what clients go by. */
export class Ec2Fault extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

export class QueryForm {
  readonly #fields: ReadonlyMap<string, string>

  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields
  }

  static parse(body: string): QueryForm {
    return new QueryForm(new Map(new URLSearchParams(body)))
  }

  text(name: string): string | undefined {
    return this.#fields.get(name)
  }

  /** A parameter that must be there. */
  need(name: string): string {
    const value = this.#fields.get(name)
    if (value === undefined) throw new Ec2Fault('MissingParameter', `The request must contain the parameter ${name}`)
    return value
  }

  /** `Name.1`, `Name.2`, … in order. */
  texts(name: string): string[] {
    return this.#indices(name).flatMap((index) => this.#fields.get(`${name}.${index}`) ?? [])
  }

  /** `Name.1.Rest`, `Name.2.Rest`, … each as a form of its own. */
  forms(name: string): QueryForm[] {
    return this.#indices(name).map((index) => this.form(`${name}.${index}`))
  }

  form(name: string): QueryForm {
    const inside = [...this.#fields].filter(([key]) => key.startsWith(`${name}.`))
    return new QueryForm(new Map(inside.map(([key, value]) => [key.slice(name.length + 1), value])))
  }

  /** Everything but the token and what differs from request to request: two requests with one token must agree on it. */
  fingerprint(): string {
    return JSON.stringify([...this.#fields].filter(([key]) => key !== 'ClientToken'))
  }

  #indices(name: string): number[] {
    const found = new Set<number>()
    for (const key of this.#fields.keys()) {
      if (key.startsWith(`${name}.`)) found.add(Number(key.slice(name.length + 1).split('.')[0]))
    }
    return [...found].filter(Number.isInteger).toSorted((a, b) => a - b)
  }
}

/** A value of an answer: lists become `<item>`s, undefined is left out. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue }

export function xmlOf(value: XmlValue): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((item: XmlValue) => `<item>${xmlOf(item)}</item>`).join('')
  if (typeof value !== 'object') return escape(String(value))
  return Object.entries(value as Readonly<Record<string, XmlValue>>)
    .map(([name, inner]) => (inner === undefined ? '' : `<${name}>${xmlOf(inner)}</${name}>`))
    .join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Whether a resource passes all filters; `facts` says what it has under a filter's name, undefined for a filter we do not know. */
export function passes(form: QueryForm, facts: (name: string) => readonly string[] | undefined): boolean {
  return form.forms('Filter').every((filter) => {
    const name = filter.need('Name')
    const has = facts(name)
    if (!has) throw new Ec2Fault('InvalidParameterValue', `The filter '${name}' is invalid`)
    return filter.texts('Value').some((value) => has.some((fact) => globOf(value).test(fact)))
  })
}

function globOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
}

/** One page of the rows and the token of the next; a server may give less than was asked for. */
export function pageOf<T>(form: QueryForm, rows: readonly T[], sizeMax: number): { rows: T[]; nextToken?: string } {
  const from = Number(form.text('NextToken') ?? 0)
  const to = from + Math.min(sizeMax, Number(form.text('MaxResults') ?? sizeMax))
  return { rows: rows.slice(from, to), ...(to < rows.length ? { nextToken: String(to) } : {}) }
}
