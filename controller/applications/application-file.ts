/** A whole application file, read and found right: what runs, what watches it, who is told. */
import { parseSubscriptions } from '#controller/subscriptions/parse.ts'
import type { Subscription } from '#controller/subscriptions/subscription.ts'
import type { Application } from '#protocol/application/model.ts'
import { parseApplication } from '#protocol/application/parse.ts'
import type { Monitor } from '#protocol/monitors/model.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { ConfigIssue } from '#protocol/runtime/config-issues.ts'
import {
  type ApplicationDocument,
  type FileIssue,
  invalidFile,
  parseApplicationDocument,
  valueOf,
} from './application-document.ts'
import { specSizeIssues } from './spec-size.ts'

export interface ApplicationFile extends Application {
  /** Those of the file, then those made for rules. */
  readonly monitors: readonly Monitor[]
  readonly rules: readonly Rule[]
  readonly subscriptions: readonly Subscription[]
}

/** Reads a file's text. Throws APPLICATION_INVALID with every mistake, its path, line and column. */
export function readApplicationFile(text: string, name: string): ApplicationFile {
  return checkApplicationDocument(parseApplicationDocument(text, name))
}

/** The same for a document that was parsed, and perhaps added to. Throws APPLICATION_INVALID. */
export function checkApplicationDocument(document: ApplicationDocument): ApplicationFile {
  const parsed = parseApplication(valueOf(document))
  const { application, componentNames, sections } = parsed
  const axe = parseAxe(sections, { application: application.name, components: componentNames })
  const { subscriptions, issues } = parseSubscriptions(sections.subscriptions, {
    application: application.name,
    monitors: axe.monitors.map(({ name }) => name),
  })
  const sizes = parsed.issues.length === 0 ? specSizeIssues(application) : []
  const all = [...parsed.issues, ...sizes, ...axe.issues, ...issues]
  if (all.length > 0) {
    const issues = all.map((issue) => placed(issue, document))
    throw invalidFile(document.name, issues.sort(byPlace))
  }
  return { ...application, monitors: axe.monitors, rules: axe.rules, subscriptions }
}

function placed({ path, expected, says, found }: ConfigIssue, document: ApplicationDocument): FileIssue {
  return { path, says: says ?? `expected ${expected}, found ${found}`, place: document.placeOf(path) }
}

function byPlace(a: FileIssue, b: FileIssue): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0)
}
