/** The OpenAPI document as one page that needs nothing from anywhere: no script, no font, no other host. */
import type { OpenApiDocument, OpenApiOperation, OpenApiPath } from './openapi.ts'
import { type RouteMethod, routeMethods } from './route.ts'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f3f3f3;border-radius:4px}code{padding:0 .2em}
pre{padding:.8em;overflow:auto}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}
section{margin:2.5rem 0}@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}code,pre{background:#2a2a2a}td,th{border-color:#444}a{color:#8bf}}`

/** HTML of the document. */
export function docsPageOf(document: OpenApiDocument): string {
  const { title, version, description } = document.info
  const operations = Object.entries(document.paths).flatMap(operationsOf)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head><body>
<h1>${escaped(title)} <small>${escaped(version)}</small></h1>
<p>${escaped(description)} The machine-readable form is <a href="/openapi.json">/openapi.json</a>.</p>
<ul>${operations.map(({ path, operation }) => `<li><a href="#${operation.operationId}"><code>${escaped(path)}</code></a> ${escaped(operation.summary)}</li>`).join('\n')}</ul>
${operations.map(sectionOf).join('\n')}
</body></html>
`
}

interface Described {
  readonly path: string
  readonly method: RouteMethod
  readonly operation: OpenApiOperation
}

function operationsOf([path, methods]: readonly [string, OpenApiPath]): Described[] {
  return routeMethods.flatMap((method) => {
    const operation = methods[method.toLowerCase() as Lowercase<RouteMethod>]
    return operation ? [{ path, method, operation }] : []
  })
}

function sectionOf({ path, method, operation }: Described): string {
  return `<section id="${operation.operationId}"><h2><code>${method} ${escaped(path)}</code></h2><p>${escaped(operation.summary)}</p>
${parametersOf(operation)}
<pre>curl ${method === 'GET' ? '' : `-X ${method} `}${operation.requestBody ? '--data-binary @FILE ' : ''}-H "Authorization: Bearer $TOKEN" http://127.0.0.1:4400${escaped(path)}</pre>
<details><summary>Shape of the answer</summary><pre>${escaped(JSON.stringify(operation.responses['200'], null, 2))}</pre></details></section>`
}

function parametersOf({ parameters }: OpenApiOperation): string {
  if (parameters.length === 0) return ''
  const rows = parameters.map(
    ({ name, required, description }) =>
      `<tr><td><code>${escaped(name)}</code>${required ? ' (required)' : ''}</td><td>${escaped(description)}</td></tr>`,
  )
  return `<table><tr><th>parameter</th><th>meaning</th></tr>${rows.join('')}</table>`
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
