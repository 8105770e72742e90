import { nearestOf } from '#protocol/runtime/config-issues.ts'
import { formatDuration } from '#protocol/runtime/time.ts'
import type { Mistakes } from './mistakes.ts'
import type { ComposedMonitor } from './model.ts'
import { areTruths, gatheringOf, type Traits, tagsOf, widthOf } from './traits.ts'

/** What a composed monitor may not ask of its inputs: a wider scope than its own, other window ends, truths of numbers, tags they lack. */
export function checkBesideInputs(monitor: ComposedMonitor, inputs: readonly Traits[], mistakes: Mistakes): void {
  const moving = inputs.filter((input) => input.monitor.kind !== 'constant')
  const gathering = gatheringOf(
    monitor,
    moving.map((input) => input.monitor.scope),
  )
  for (const { monitor: input } of moving) {
    if (widthOf(input.scope) > widthOf(monitor.scope)) {
      mistakes.says(
        'scope',
        `found ${monitor.scope}, expected ${input.scope} or wider, as ${input.name} is ${input.scope}`,
      )
    }
    if (monitor.everyMs % input.everyMs !== 0) {
      const [found, wanted] = [formatDuration(monitor.everyMs), formatDuration(input.everyMs)]
      mistakes.says('every', `found ${found}, expected a multiple of ${wanted}, when ${input.name} has results`)
    }
  }
  if (gathering === 'combine') checkCombined(monitor, moving, mistakes)
  else if (moving.length < inputs.length) {
    mistakes.says(
      'from',
      'found a constant over which a window or several values are taken, expected it in combine only',
    )
  }
  if (gathering === 'pool' && monitor.function === undefined) {
    mistakes.says(
      'reduce',
      `say how values of a narrower scope become one: found neither reduce nor quantifier nor function`,
    )
  }
  if (gathering === 'map' && isIdle(monitor)) {
    mistakes.says(
      '',
      'say what is done with the inputs: found neither function, comparison, reduce, quantifier nor combine',
    )
  }
  if (gathering === 'quantify' && !areTruths(monitor, inputs)) {
    mistakes.says(
      'quantifier',
      'compare the values first: found numbers, expected conditions in from, or above, below, … beside quantifier',
    )
  }
  checkTags(monitor, inputs, mistakes)
}

function checkCombined(monitor: ComposedMonitor, moving: readonly Traits[], mistakes: Mistakes): void {
  const narrower = moving.filter((input) => input.monitor.scope !== monitor.scope)
  for (const { monitor: input } of narrower.filter(
    ({ monitor: { scope } }) => widthOf(scope) < widthOf(monitor.scope),
  )) {
    mistakes.says(
      'from',
      `reduce ${input.name} first: found scope ${input.scope}, expected ${monitor.scope} as the values are combined one by one`,
    )
  }
  if (!['and', 'or', 'xor', 'not'].includes(monitor.combine ?? '')) return
  for (const { monitor: input } of moving.filter(({ isTruth }) => !isTruth)) {
    mistakes.says('combine', `compare ${input.name} first: found numbers, expected conditions for ${monitor.combine}`)
  }
}

function checkTags(monitor: ComposedMonitor, inputs: readonly Traits[], mistakes: Mistakes): void {
  const known = tagsOf(monitor, inputs)
  if (known === undefined) return
  for (const tag of monitor.by.filter((name) => !known.includes(name))) {
    const expected = known.length === 0 ? 'no groups' : nearestOf(tag, known)
    mistakes.says('by', `found the tag ${tag}, which no result of ${monitor.from.join(', ')} has, expected ${expected}`)
  }
}

function isIdle(monitor: ComposedMonitor): boolean {
  return monitor.function === undefined && monitor.compare === undefined
}
