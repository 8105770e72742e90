/** Where well-known regions are: a table, since clouds do not say it. Cities and coordinates to a tenth of a degree. */

export interface Geography {
  readonly city: string
  readonly country: string
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string
  /** Degrees, north and east positive. */
  readonly latitude: number
  readonly longitude: number
}

function at(city: string, country: string, countryCode: string, latitude: number, longitude: number): Geography {
  return { city, country, countryCode, latitude, longitude }
}

const regions: Readonly<Record<string, Geography>> = {
  'af-south-1': at('Cape Town', 'South Africa', 'ZA', -33.9, 18.4),
  'ap-east-1': at('Hong Kong', 'Hong Kong', 'HK', 22.3, 114.2),
  'ap-northeast-1': at('Tokyo', 'Japan', 'JP', 35.7, 139.7),
  'ap-northeast-2': at('Seoul', 'South Korea', 'KR', 37.6, 127),
  'ap-northeast-3': at('Osaka', 'Japan', 'JP', 34.7, 135.5),
  'ap-south-1': at('Mumbai', 'India', 'IN', 19.1, 72.9),
  'ap-southeast-1': at('Singapore', 'Singapore', 'SG', 1.4, 103.8),
  'ap-southeast-2': at('Sydney', 'Australia', 'AU', -33.9, 151.2),
  'ca-central-1': at('Montreal', 'Canada', 'CA', 45.5, -73.6),
  'eu-central-1': at('Frankfurt', 'Germany', 'DE', 50.1, 8.7),
  'eu-central-2': at('Zurich', 'Switzerland', 'CH', 47.4, 8.5),
  'eu-north-1': at('Stockholm', 'Sweden', 'SE', 59.3, 18.1),
  'eu-south-1': at('Milan', 'Italy', 'IT', 45.5, 9.2),
  'eu-west-1': at('Dublin', 'Ireland', 'IE', 53.3, -6.3),
  'eu-west-2': at('London', 'United Kingdom', 'GB', 51.5, -0.1),
  'eu-west-3': at('Paris', 'France', 'FR', 48.9, 2.4),
  'me-south-1': at('Manama', 'Bahrain', 'BH', 26.2, 50.6),
  'sa-east-1': at('São Paulo', 'Brazil', 'BR', -23.6, -46.6),
  'us-east-1': at('Ashburn', 'United States', 'US', 39, -77.5),
  'us-east-2': at('Columbus', 'United States', 'US', 40, -83),
  'us-west-1': at('San Francisco', 'United States', 'US', 37.8, -122.4),
  'us-west-2': at('Boardman', 'United States', 'US', 45.8, -119.7),
}

/** Of a location by its region, `eu-west-1/eu-west-1a`; undefined for one that is not in the table. */
export function geographyOf(location: string): Geography | undefined {
  const [region = ''] = location.split('/')
  return Object.hasOwn(regions, region) ? regions[region] : undefined
}
