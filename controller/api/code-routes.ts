/** `/api/v1/code`: versions of components' code, and which of them runs. */
import * as z from 'zod'
import type { CodeOwner } from '#controller/code/code-rows.ts'
import type { CodeService, CodeView } from '#controller/code/code-service.ts'
import { shortId, type UploadedVersion } from '#controller/code/code-version.ts'
import { archiveBytesMax } from '#controller/code/take-archive.ts'
import { LanistaError } from '#protocol/errors.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import type { Parameters } from './parameters.ts'
import { archiveTypes, type Route, TextStream } from './route.ts'

export interface CodeRoutesDeps {
  readonly code: CodeService
}

/** How long each instance must stay well on a new version where nobody says otherwise, ms, and at most. */
const gateMs = { usual: 10_000, max: 3_600_000 }
/** How long an upload may be looked at, or a version sent, ms. */
const quietMs = 900_000

const path = '/api/v1/code/:application/:component'
const of = { application: z.string().max(64), component: z.string().max(64) }
const version = z.string().max(64).describe('its digest, or the first digits of it')

const versionShape = z.strictObject({
  id: z.string().describe('the first twelve digits of its digest'),
  sha256: z.string(),
  bytes: z.int(),
  name: z.string(),
  type: z.enum(['tar', 'tar.gz', 'zip']).describe('as it was uploaded'),
  description: z.string(),
  uploaded_at_ms: z.number(),
  is_current: z.boolean(),
})
const id = z.string().nullable()
/** The code of a component. */
export const codeShape: z.ZodType = z.strictObject({
  application: z.string(),
  component: z.string(),
  current: id.describe('the version that is enabled'),
  versions: z.array(versionShape).describe('the newest first'),
  roll_out: z
    .strictObject({
      to: z.string(),
      phase: z.enum(['forward', 'back']),
      began_at_ms: z.number(),
      gate_ms: z.int(),
      reason: z.string().nullable(),
      waits: z.string().nullable(),
    })
    .nullable(),
  last: z
    .strictObject({
      to: z.string(),
      outcome: z.enum(['enabled', 'rolled-back']),
      began_at_ms: z.number(),
      reason: z.string().nullable(),
    })
    .nullable()
    .describe('how the last roll-out ended'),
})

export function codeRoutes(deps: CodeRoutesDeps): Route[] {
  return [...readingRoutes(deps), ...changingRoutes(deps)]
}

function readingRoutes({ code }: CodeRoutesDeps): Route[] {
  return [
    {
      path,
      summary: 'Versions of a component’s code, which is enabled, and the roll-out that is under way.',
      parameters: z.object(of),
      answer: codeShape,
      handle: (parameters) => ({ body: viewOf(ownerOf(parameters), code.view(ownerOf(parameters))) }),
    },
    {
      path: `${path}/versions/:version`,
      quietMs,
      summary: 'The archive of a version: tar or tar.gz.',
      parameters: z.object({ ...of, version }),
      produces: 'application/octet-stream',
      handle: (parameters) => {
        const { version, bytes } = code.download(ownerOf(parameters), parameters['version'] ?? '')
        const name = `${parameters['component']}-${shortId(version.sha256)}.${version.type === 'tar' ? 'tar' : 'tar.gz'}`
        const headers = { 'content-disposition': `attachment; filename="${name}"`, 'x-lanista-sha256': version.sha256 }
        return { contentType: 'application/octet-stream', body: new TextStream(bytes), headers }
      },
    },
  ]
}

function changingRoutes({ code }: CodeRoutesDeps): Route[] {
  return [
    {
      path: `${path}/versions`,
      method: 'POST',
      takes: { bytesMax: archiveBytesMax, types: archiveTypes },
      quietMs,
      summary: 'Uploads a version: a tar, tar.gz or zip archive. It is looked at whole, and kept; nothing runs it yet.',
      parameters: z.object({
        ...of,
        name: z.string().max(255).optional().describe('of the file'),
        description: z.string().max(1024).optional(),
      }),
      answer: versionShape,
      handle: async (parameters, signal, { bytes }) => {
        if (!bytes)
          throw new LanistaError(
            'BODY_INVALID',
            `send an archive: expected a body of one of the types ${archiveTypes.join(', ')}`,
          )
        const { name = '', description = '' } = parameters
        const owner = ownerOf(parameters)
        const version = await code.upload(owner, { name, description }, bytes, signal)
        return { status: 201, body: versionView(version, code.view(owner).state.current) }
      },
    },
    {
      path: `${path}/enable`,
      method: 'POST',
      summary: 'Has a version rolled out, a few instances at a time; the first that is not well on it takes all back.',
      parameters: z.object({
        ...of,
        version,
        gate: z.string().max(32).optional().describe('how long each must stay well before the next is changed; 10s'),
      }),
      answer: codeShape,
      handle: async (parameters, signal) => {
        const owner = ownerOf(parameters)
        const view = await code.enable(owner, parameters['version'] ?? '', gateOf(parameters), signal)
        return { status: 202, body: viewOf(owner, view) }
      },
    },
    {
      path: `${path}/versions/:version`,
      method: 'DELETE',
      summary: 'Deletes a version; never one that is enabled, rolled out, or run by an instance.',
      parameters: z.object({ ...of, version }),
      answer: versionShape,
      handle: async (parameters, signal) => {
        const removed = await code.remove(ownerOf(parameters), parameters['version'] ?? '', signal)
        return { body: versionView(removed, undefined) }
      },
    },
  ]
}

function ownerOf({ application = '', component = '' }: Parameters): CodeOwner {
  return { application, component }
}

function gateOf({ gate }: Parameters): number {
  const ms = gate === undefined ? gateMs.usual : parseDuration(gate)
  if (ms <= gateMs.max) return ms
  throw new LanistaError('QUERY_INVALID', `change gate: found ${gate}, expected at most ${gateMs.max / 60_000}m`)
}

function viewOf({ application, component }: CodeOwner, { versions, state, waits }: CodeView): object {
  const { current, rollOut, last } = state
  return {
    application,
    component,
    current: current === undefined ? null : shortId(current),
    versions: versions.toReversed().map((version) => versionView(version, current)),
    roll_out: rollOut
      ? {
          to: shortId(rollOut.to),
          phase: rollOut.phase,
          began_at_ms: rollOut.beganAtMs,
          gate_ms: rollOut.gateMs,
          reason: rollOut.reason ?? null,
          waits: waits ?? null,
        }
      : null,
    last: last
      ? {
          to: shortId(last.to),
          outcome: last.outcome === 'enabled' ? 'enabled' : 'rolled-back',
          began_at_ms: last.beganAtMs,
          reason: last.reason ?? null,
        }
      : null,
  }
}

function versionView({ uploadedAtMs, ...version }: UploadedVersion, current: string | undefined): object {
  const { sha256, bytes, name, type, description } = version
  const facts = { id: shortId(sha256), sha256, bytes, name, type, description }
  return { ...facts, uploaded_at_ms: uploadedAtMs, is_current: sha256 === current }
}
