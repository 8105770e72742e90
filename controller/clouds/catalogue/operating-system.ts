/** Which system an image brings, read from its name: clouds say no more than the family. A person may correct it. */

export interface OperatingSystem {
  /** `linux`, `windows`. */
  readonly family: string
  /** `debian`, `ubuntu`, …; undefined when the name does not say. */
  readonly distribution?: string | undefined
  /** `12`, `24.04`. */
  readonly version?: string | undefined
  /** Who logs in first, as the distribution makes it. */
  readonly login?: string | undefined
}

/** Its name, and its version behind that. */
const distributions: readonly (readonly [name: RegExp, version: RegExp, distribution: string, login: string])[] = [
  [/ubuntu/i, /(?<!\d)\d\d\.\d\d(?!\d)/, 'ubuntu', 'ubuntu'],
  [/debian/i, /^[^a-z0-9]{0,2}\d{1,2}(?!\d)/i, 'debian', 'admin'],
  [/centos/i, /^\D{0,10}\d{1,2}(?!\d)/, 'centos', 'centos'],
  [/rocky/i, /^\D{0,10}\d{1,2}(?:\.\d+)?(?!\d)/, 'rocky', 'rocky'],
  [/alma/i, /^\D{0,10}\d{1,2}(?:\.\d+)?(?!\d)/, 'almalinux', 'almalinux'],
  [/fedora/i, /^\D{0,20}\d{2}(?!\d)/, 'fedora', 'fedora'],
  [/rhel/i, /^\D{0,2}\d{1,2}(?:\.\d+)?(?!\d)/, 'rhel', 'ec2-user'],
  [/amzn|^al(?=2)/i, /^(?:2023|2)(?!\d)/, 'amazon', 'ec2-user'],
]

/** `family` is what the cloud said of it, if anything. */
export function operatingSystemOf(name: string, family?: string): OperatingSystem {
  if (family === 'windows' || /windows/i.test(name)) {
    return { family: 'windows', version: /20\d\d/.exec(name)?.[0], login: 'Administrator' }
  }
  for (const [pattern, versionPattern, distribution, login] of distributions) {
    const found = pattern.exec(name)
    if (!found) continue
    const version = versionPattern.exec(name.slice(found.index + found[0].length))?.[0].replace(/^\D+/, '')
    return { family: 'linux', distribution, version, login }
  }
  return { family: family ?? 'unknown' }
}
