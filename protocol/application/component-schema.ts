/** One component as it may be written. */
import * as z from 'zod/mini'
import type { ProvidedPort } from '#protocol/instances/spec.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'
import { code, environment, files, image, parameters, volumes } from './contents-schema.ts'
import { type Form, mapOf, oneOf, textAs, turned, written } from './forms.ts'
import { lifecycle, scriptBySystem } from './lifecycle-schema.ts'
import type { Component, Requirement } from './model.ts'
import { instances, place, resources, restart, restartPolicy } from './place-schema.ts'
import { whole } from './quantities.ts'
import { members, membersOfService, service } from './service-schema.ts'

const portsMax = 64
/** Peers of one requirement. */
const peersMax = 10_000

const names = (countMax: number): { isName: typeof isId; form: string; countMax: number } => ({
  isName: isId,
  form: idForm,
  countMax,
})

const portNumber = whole(1, 65_535)
const providedForm: Form<Omit<ProvidedPort, 'name'>> = written('a port, or {port, public, protocol}', {
  number: turned(portNumber, (port) => ({ port, protocol: 'tcp', isPublic: false })),
  map: turned(
    z.strictObject({
      port: portNumber,
      public: z.optional(z.boolean()),
      protocol: z.optional(oneOf('tcp', 'udp')),
    }),
    ({ port, protocol = 'tcp', public: isPublic = false }) => ({ port, protocol, isPublic }),
  ),
})

const source: Form<Requirement['from']> = textAs('component.port', (text) => {
  const [component = '', port = '', ...more] = text.split('.')
  return more.length === 0 && isId(component) && isId(port) ? { component, port } : undefined
})

const requiredForm: Form<Omit<Requirement, 'name'>> = written(
  'component.port, or {from, min, max, mandatory, onChange}',
  {
    text: turned(source, (from) => ({ from, min: 1 })),
    map: turned(
      z
        .strictObject({
          from: source,
          min: z.optional(whole(0, peersMax)),
          max: z.optional(whole(1, peersMax)),
          mandatory: z.optional(z.boolean()),
          onChange: z.optional(scriptBySystem),
        })
        .check(
          z.refine(({ min, mandatory }) => min === undefined || mandatory === undefined || mandatory === min > 0, {
            path: ['mandatory'],
            error: 'expected mandatory: true with a min of 1 or more, or one of the two alone',
          }),
          z.refine(({ min = 1, max }) => max === undefined || max >= min, {
            path: ['max'],
            error: 'expected at least min',
          }),
        ),
      ({ from, min, max, mandatory = true, onChange }) => ({ from, min: min ?? (mandatory ? 1 : 0), max, onChange }),
    ),
  },
)

/** A component without its name. */
export const component: Form<Omit<Component, 'name'>> = turned(
  z.strictObject({
    instances: z.optional(instances),
    isolation: z.optional(oneOf('docker', 'directory')),
    image: z.optional(image),
    lifecycle: z.optional(lifecycle),
    provides: z.optional(mapOf(names(portsMax), providedForm)),
    requires: z.optional(mapOf(names(portsMax), requiredForm)),
    place: z.optional(place),
    restart: z.optional(restart),
    resources: z.optional(resources),
    environment: z.optional(environment),
    volumes: z.optional(volumes),
    files: z.optional(files),
    code: z.optional(code),
    service: z.optional(service),
    members: z.optional(members),
    parameters: z.optional(parameters),
  }),
  (given): Omit<Component, 'name'> => ({
    instances: given.instances ?? { min: 1, initial: 1, max: 1 },
    isolation: given.isolation ?? (given.image ? 'docker' : 'directory'),
    image: given.image,
    lifecycle: given.lifecycle?.handlers ?? {},
    startDetector: given.lifecycle?.startDetector,
    stopDetector: given.lifecycle?.stopDetector,
    provides: named(given.provides),
    requires: named(given.requires),
    place: placeOf(given.place ?? { labels: {}, antiAffinity: [] }, given.service),
    restart: given.restart ?? restartPolicy({}),
    resources: given.resources ?? {},
    environment: given.environment ?? {},
    volumes: given.volumes ?? [],
    files: given.files ?? [],
    code: given.code,
    service: given.service,
    members: given.members ?? (given.service && membersOfService),
    parameters: given.parameters ?? [],
  }),
)

/** The scripts of a service are a POSIX shell's. */
function placeOf(place: Component['place'], service: Component['service']): Component['place'] {
  return service && !place.systems ? { ...place, systems: ['linux'] } : place
}

function named<T>(entries: readonly (readonly [string, T])[] = []): (T & { readonly name: string })[] {
  return entries.map(([name, thing]) => ({ name, ...thing }))
}
