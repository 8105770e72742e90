/** Zones, flavors, images and limits of each region. */
import * as z from 'zod'
import type { CloudCall } from '../cloud-calls.ts'
import type { CloudOffers, HardwareOffer, ImageOffer, LocationOffer, Quota } from '../cloud-driver.ts'
import { mergeOffers } from '../merge-offers.ts'
import { shaped } from './openstack-http.ts'
import { memberOf, type OpenstackRegion } from './openstack-region.ts'
import { hardwareOf, imageOf } from './openstack-shapes.ts'

/** Images of a region at most; there are seldom more than a hundred. */
const imagesMax = 2000
const pageSize = 200

const zoneSchema = z.object({ zoneName: z.string(), zoneState: z.object({ available: z.boolean() }) })
const limitsSchema = z.object({
  absolute: z.object({
    maxTotalInstances: z.number(),
    totalInstancesUsed: z.number().optional(),
    maxTotalCores: z.number(),
    totalCoresUsed: z.number().optional(),
  }),
})

export async function discoverRegions(call: CloudCall, regions: readonly OpenstackRegion[]): Promise<CloudOffers> {
  const locations: LocationOffer[] = []
  const hardware: HardwareOffer[] = []
  const images: ImageOffer[] = []
  const quotas: Quota[] = []
  let isCut = false
  for (const region of regions) {
    locations.push(...(await locationsOf(call, region)))
    const flavors = await call('flavors', (signal) => region.rows('compute', '/flavors/detail', 'flavors', signal))
    hardware.push(...flavors.flatMap((flavor) => hardwareOf(region.name, flavor)))
    const found = await imagesOf(call, region)
    images.push(...found.slice(0, imagesMax))
    isCut ||= found.length > imagesMax
    quotas.push(...(await quotasOf(call, region)))
  }
  return { locations, hardware: mergeOffers(hardware), images: mergeOffers(images), quotas, isCut }
}

async function locationsOf(call: CloudCall, region: OpenstackRegion): Promise<LocationOffer[]> {
  const rows = await call('zones', (signal) =>
    region.rows('compute', '/os-availability-zone', 'availabilityZoneInfo', signal),
  )
  const zones = rows.map((row) => shaped(zoneSchema, row, 'zone')).filter(({ zoneState }) => zoneState.available)
  return [
    { id: region.name, scope: 'region', isAssignable: true },
    ...zones.map(
      ({ zoneName }): LocationOffer => ({
        id: `${region.name}/${zoneName}`,
        scope: 'zone',
        parent: region.name,
        isAssignable: true,
      }),
    ),
  ]
}

async function imagesOf(call: CloudCall, region: OpenstackRegion): Promise<ImageOffer[]> {
  const images: ImageOffer[] = []
  let marker: string | undefined
  while (images.length <= imagesMax) {
    const query = new URLSearchParams({ status: 'active', limit: String(pageSize) })
    if (marker !== undefined) query.set('marker', marker)
    const rows = await call('images', (signal) =>
      region.rows('image', `/v2/images?${query.toString()}`, 'images', signal),
    )
    const page = rows.flatMap((row) => imageOf(region.name, row))
    if (page.length === 0) break
    images.push(...page)
    marker = page.at(-1)?.id
  }
  return images
}

async function quotasOf(call: CloudCall, region: OpenstackRegion): Promise<Quota[]> {
  const { body } = await call('limits', (signal) => region.ask('compute', { method: 'GET', path: '/limits' }, signal))
  const { absolute } = shaped(limitsSchema, memberOf(body, 'limits'), 'list of limits')
  const location = region.name
  const quotas: Quota[] = [
    { name: 'vms', location, limit: absolute.maxTotalInstances, used: absolute.totalInstancesUsed },
    { name: 'cores', location, limit: absolute.maxTotalCores, used: absolute.totalCoresUsed },
  ]
  // -1 = no limit
  return quotas.filter(({ limit }) => limit >= 0)
}
