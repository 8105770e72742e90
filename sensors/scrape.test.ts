import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { depsAllowing, linesOf, quietSignal } from './fixture-tree.ts'
import { scrapeSensor } from './scrape.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}/metrics`),
    )
  })
}

/** What the page gave, without durations and targets. */
async function read(url: string, more: object = {}, signal: AbortSignal = quietSignal()): Promise<string[]> {
  const lines = linesOf(await scrapeSensor.open(scrapeSensor.parse({ url, ...more }), depsAllowing()).read(signal))
  return lines.filter((line) => !line.startsWith('scrape.duration')).map((line) => line.replace(/;target=\S+/, ''))
}

describe('the scrape sensor', () => {
  it('takes an OpenMetrics page, names and labels as they are', async () => {
    const url = await serve((request, response) => {
      expect(request.headers.accept).toContain('application/openmetrics-text')
      response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
      response.end('# TYPE t_seconds counter\n# UNIT t_seconds seconds\nt_seconds_total{path="/"} 3\n# EOF\n')
    })
    expect(await read(url)).toEqual([
      'scrape.up 1 boolean',
      'scrape.samples_dropped 0 count',
      'scrape.series_left_out 0 count',
      't_seconds_total;path=/ 3 seconds',
    ])
  })

  it('takes Prometheus text, up to its bound', async () => {
    const url = await serve((_, response) => response.end('a 1\nb 2\nc NaN\n'))
    expect(await read(url, { seriesMax: 1 })).toEqual([
      'scrape.up 1 boolean',
      'scrape.samples_dropped 1 count',
      'scrape.series_left_out 1 count',
      'a 1 -',
    ])
  })

  it.each<[string, RequestListener]>([
    ['says 500', (_, response) => response.writeHead(500).end('a 1\n')],
    ['redirects', (_, response) => response.writeHead(302, { location: '/other' }).end()],
    ['talks nonsense', (_, response) => response.end('<html>')],
    ['never ends', (_, response) => response.write('a 1\n')],
    ['says too much', (_, response) => response.end('a 1\n'.repeat(1_100_000))],
    ['hangs up', (request) => request.socket.destroy()],
  ])('is down when the target %s', async (_, listener) => {
    expect(await read(await serve(listener), { timeoutMs: 1000 })).toEqual(['scrape.up 0 boolean'])
  })

  it('ends with its signal', async () => {
    const url = await serve(() => {})
    await expect(read(url, {}, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })

  it.each(['file:///etc/passwd', 'http://user:secret@host/', 'nowhere'])('refuses %s', (url) => {
    expect(() => scrapeSensor.parse({ url })).toThrow(expect.objectContaining({ code: 'SENSOR_PARAMETERS' }))
  })
})
