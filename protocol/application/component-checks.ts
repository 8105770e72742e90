/** What must hold inside one component and no schema can see. */
import { portVariable } from '#protocol/instances/port-variable.ts'
import { handlerNames } from '#protocol/instances/spec.ts'
import { type ConfigIssue, nearestOf } from '#protocol/runtime/config-issues.ts'
import { showValue } from '#protocol/schema-words.ts'
import { issueAt } from './forms.ts'
import { type Component, type ComponentDetector, type ScriptBySystem, type System, systems } from './model.ts'

/** Characters of application and component names together: `application-component-123456` is an instance's id, a token. */
const namesLengthMax = 56
/** Variables of instances that know each other. */
const memberVariables = ['MY_IP', 'MY_ROLE', 'MASTER_IP', 'MASTER_TERM', 'LANISTA_MEMBERS'] as const
/** Variables every script gets (seed-systems §2.6); those of ports come on top. */
const ownVariables = ['PUBLIC_IP', 'CLOUD_IP', 'CONTAINER_IP', 'VM_ID', 'INSTANCE_ID'] as const

/** Every mistake inside a component; paths start at `components`. */
export function componentIssues(application: string, component: Component): ConfigIssue[] {
  const at = ['components', component.name]
  return [
    ...nameIssues(application, component),
    ...countIssues(component),
    ...isolationIssues(component),
    ...systemIssues(component),
    ...serviceIssues(component),
    ...detectorIssues(component, 'startDetector'),
    ...detectorIssues(component, 'stopDetector'),
    ...portNameIssues(component),
    ...variableIssues(component),
  ].map((issue) => ({ ...issue, path: [...at, issue.path].filter((part) => part !== '').join('.') }))
}

function nameIssues(application: string, { name }: Component): ConfigIssue[] {
  const length = application.length + name.length
  if (length <= namesLengthMax) return []
  return [issueAt([], `at most ${namesLengthMax} characters of application and component names together`, `${length}`)]
}

function countIssues({ instances: { min, initial, max } }: Component): ConfigIssue[] {
  if (min <= initial && initial <= max) return []
  return [issueAt(['instances'], 'min <= initial <= max', `min ${min}, initial ${initial}, max ${max}`)]
}

function isolationIssues({ isolation, image, volumes, lifecycle, place, service }: Component): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (isNowhere({ isolation, place })) {
    const found = place.systems?.join(', ') ?? ''
    issues.push(issueAt(['place', 'system'], 'linux among them, as isolation is docker', found))
  }
  if (isolation === 'docker' && !image) issues.push(issueAt(['image'], 'an image, as isolation is docker', 'nothing'))
  if (isolation === 'directory') {
    if (image) issues.push(issueAt(['image'], 'no image, or isolation: docker', showValue(image.name)))
    if (volumes.length > 0) issues.push(issueAt(['volumes'], 'no volumes, or isolation: docker', `${volumes.length}`))
    if (!lifecycle.start && !service) issues.push(issueAt(['lifecycle', 'start'], 'a command', 'nothing'))
  }
  if (Object.values(lifecycle.start ?? {}).some(({ commands }) => commands.length === 0)) {
    issues.push(issueAt(['lifecycle', 'start'], 'a command', 'none'))
  }
  return issues
}

/** Its `init` is what installs, and its scripts are a POSIX shell's. */
function serviceIssues({ service, lifecycle, place }: Component): ConfigIssue[] {
  if (!service) return []
  const issues: ConfigIssue[] = []
  if (lifecycle.install) {
    issues.push(issueAt(['lifecycle', 'install'], 'nothing, as service.init is what installs', 'a script'))
  }
  for (const [name, { commands }] of Object.entries(service.scripts)) {
    if (commands.length === 0) issues.push(issueAt(['service', name], 'a command', 'none'))
  }
  const others = place.systems?.filter((system) => system !== 'linux') ?? []
  if (others.length > 0) {
    issues.push(
      issueAt(['place', 'system'], 'linux alone, as the scripts of a service are a POSIX shell’s', others.join(', ')),
    )
  }
  return issues
}

/** Each handler must say what it does on every system that the component may run on; the seed left it out in silence. */
function systemIssues(component: Component): ConfigIssue[] {
  const { lifecycle, place, isolation, startDetector, stopDetector, requires } = component
  if (isNowhere(component)) return []
  const start = lifecycle.start ?? { any: undefined }
  const possible = systems.filter(
    (system) =>
      (isolation === 'directory' || system === 'linux') &&
      (place.systems?.includes(system) ?? true) &&
      ('any' in start || system in start),
  )
  if (possible.length === 0)
    return [issueAt(['lifecycle', 'start'], unreachable(component), Object.keys(start).join(', '))]
  const scripts: [readonly string[], ScriptBySystem | undefined][] = [
    ...handlerNames.map((name): [string[], ScriptBySystem | undefined] => [['lifecycle', name], lifecycle[name]]),
    [['lifecycle', 'startDetector'], scriptOf(startDetector)],
    [['lifecycle', 'stopDetector'], scriptOf(stopDetector)],
    ...requires.map(({ name, onChange }): [string[], ScriptBySystem | undefined] => [
      ['requires', name, 'onChange'],
      onChange,
    ]),
  ]
  return scripts.flatMap(([path, script]) => (script ? missingSystems(path, script, possible) : []))
}

function isNowhere({ isolation, place }: Pick<Component, 'isolation' | 'place'>): boolean {
  return isolation === 'docker' && place.systems?.includes('linux') === false
}

function unreachable({ isolation, place }: Component): string {
  const allowed = isolation === 'docker' ? ['linux'] : (place.systems ?? systems)
  return `a command for ${allowed.join(' or ')}, where the component is placed`
}

function missingSystems(path: readonly string[], script: ScriptBySystem, possible: readonly System[]): ConfigIssue[] {
  const missing = 'any' in script ? [] : possible.filter((system) => !(system in script))
  if (missing.length === 0) return []
  const found = Object.keys(script).join(', ') || 'none'
  return [issueAt(path, `commands for ${missing.join(', ')} too ([] = nothing to do there)`, found)]
}

function scriptOf(detector: ComponentDetector | undefined): ScriptBySystem | undefined {
  return detector?.kind === 'script' ? detector.script : undefined
}

function detectorIssues(component: Component, which: 'startDetector' | 'stopDetector'): ConfigIssue[] {
  const detector = component[which]
  if (detector?.kind !== 'tcp' && detector?.kind !== 'http') return []
  const path = ['lifecycle', which, detector.kind]
  const port = component.provides.find(({ name }) => name === detector.port)
  if (port?.protocol === 'tcp') return []
  if (port) return [issueAt(path, 'a port of protocol tcp', showValue(detector.port))]
  return [
    issueAt(
      path,
      nearestOf(
        detector.port,
        component.provides.map(({ name }) => name),
      ),
      showValue(detector.port),
    ),
  ]
}

/** Provided and required ports share the variables `PUBLIC_<PORT>` and the like. */
function portNameIssues({ provides, requires }: Component): ConfigIssue[] {
  const taken = new Map<string, string>()
  const ports = [...provides.map(({ name }) => ['provides', name]), ...requires.map(({ name }) => ['requires', name])]
  return ports.flatMap((path) => {
    const variable = portVariable(path[1] as string)
    const other = taken.get(variable)
    taken.set(variable, other ?? path.join('.'))
    return other
      ? [issueAt(path, `another name than ${other}: both would be the variable PUBLIC_${variable}`, path[1] as string)]
      : []
  })
}

function variableIssues({ environment, provides, requires, members }: Component): ConfigIssue[] {
  const ofPorts = [...provides, ...requires].flatMap(({ name }) =>
    ['PUBLIC', 'CLOUD', 'CONTAINER'].map((level) => `${level}_${portVariable(name)}`),
  )
  const own = new Set<string>([...ownVariables, ...(members ? memberVariables : []), ...ofPorts])
  return Object.keys(environment).flatMap((name) =>
    own.has(name) ? [issueAt(['environment', name], 'another name: lanista sets this one', name)] : [],
  )
}
