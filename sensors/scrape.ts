/** Takes the metrics page of an application: OpenMetrics or Prometheus text over HTTP. */
import * as z from 'zod/mini'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { isOpenMetrics, type PageSample, parseOpenMetrics, parsePrometheusText } from './exposition.ts'
import { type ScrapeReadings, scrapeReadings } from './scrape-readings.ts'
import { type MetricDescription, parseParameters, type Reading, type Sensor, type SensorDeps } from './sensor.ts'
import { tagValue } from './tag-value.ts'

export interface ScrapeParameters {
  /** `http:` or `https:`. Required. */
  readonly url: string
  /** Patience with the whole page, ms. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** Samples taken of one page at most; the rest is counted. Default 1,000. */
  readonly seriesMax?: number | undefined
}

const schema: z.ZodMiniType<ScrapeParameters> = z.strictObject({
  url: z.string().check(z.refine(isHttpUrl, { error: 'an http or https URL without user and password' })),
  timeoutMs: z.optional(z.int().check(z.gte(10), z.lte(60_000))),
  seriesMax: z.optional(z.int().check(z.gte(1), z.lte(10_000))),
})

/** Bytes of a page; a larger one is refused whole. */
const pageBytesMax = 4 * 1024 * 1024

const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'

const own: readonly Omit<MetricDescription, 'tags' | 'kind'>[] = [
  { name: 'scrape.up', unit: 'boolean', meaning: '1 = the page was there and valid' },
  { name: 'scrape.duration', unit: 'milliseconds', meaning: 'time to get and parse the page' },
  { name: 'scrape.samples_dropped', unit: 'count', meaning: 'samples of the page that are no finite number' },
  { name: 'scrape.series_left_out', unit: 'count', meaning: 'samples of the page beyond `seriesMax`' },
]

/** `scrape.*`, and whatever the page has, under its own names. */
export const scrapeSensor: Sensor<ScrapeParameters> = {
  name: 'scrape',
  metrics: [
    ...own.map((metric) => ({ ...metric, kind: 'gauge' as const, tags: ['target'] })),
    {
      name: '*',
      unit: 'as the page says',
      kind: 'gauge',
      tags: [],
      meaning: 'every sample of the page, labels as tags',
    },
  ],
  privileges: 'none',
  parse: (parameters) => parseParameters('scrape', schema, parameters),
  open: (parameters, deps) => ({ read: (signal) => scrape(parameters, deps, signal), close: () => {} }),
}

async function scrape(
  parameters: ScrapeParameters,
  deps: SensorDeps,
  signal: AbortSignal,
): Promise<readonly Reading[]> {
  const tags = { target: tagValue(parameters.url) }
  const startedMs = deps.clock.monotonic()
  const page = await tryPage(parameters, deps.logger, signal)
  const durationMs = deps.clock.monotonic() - startedMs
  const readings: Reading[] = [
    { name: 'scrape.up', tags, value: page ? 1 : 0, unit: 'boolean' },
    { name: 'scrape.duration', tags, value: durationMs, unit: 'milliseconds' },
  ]
  if (!page) return readings
  return [
    ...readings,
    { name: 'scrape.samples_dropped', tags, value: page.dropped, unit: 'count' },
    { name: 'scrape.series_left_out', tags, value: page.leftOut, unit: 'count' },
    ...page.readings,
  ]
}

/** Undefined when the target is down or talks nonsense: that is a measurement, not a failure of the sensor. */
async function tryPage(
  { url, timeoutMs = 5000, seriesMax = 1000 }: ScrapeParameters,
  logger: Logger,
  signal: AbortSignal,
): Promise<ScrapeReadings | undefined> {
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    return scrapeReadings(await fetchPage(url, patience), seriesMax)
  } catch (error) {
    signal.throwIfAborted()
    logger.debug({ url, reason: messageOf(error) }, 'scrape failed')
    return undefined
  }
}

async function fetchPage(url: string, signal: AbortSignal): Promise<readonly PageSample[]> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept } })
  const text = await boundedText(response)
  if (!response.ok) throw new LanistaError('SCRAPE_FAILED', `answer 200: found ${response.status}`)
  return isOpenMetrics(response.headers.get('content-type') ?? '') ? parseOpenMetrics(text) : parsePrometheusText(text)
}

/** The body as text. Leaving the loop cancels what is still to come. */
async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > pageBytesMax) {
      throw new LanistaError('SCRAPE_FAILED', `serve a smaller page: found more than ${pageBytesMax} bytes`)
    }
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}
