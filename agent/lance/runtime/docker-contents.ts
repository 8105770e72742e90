import { partsInside } from '#protocol/archive/member-path.ts'
import { safeMembers } from '#protocol/archive/safe-members.ts'
import { folderMember, textMember, type WrittenMember } from '#protocol/archive/tar-writer.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { goFile, insideFolder } from './docker-place.ts'

/**
 * What a new container is given: an empty go, the folder of the instance, its files and its code.
 * @throws LanistaError PATH_REFUSED, CODE_REFUSED
 */
export async function* containerContents(
  spec: InstanceSpec,
  code: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<WrittenMember> {
  yield textMember(goFile.slice(1), '', 0o644)
  yield folderMember(insideFolder.slice(1))
  for (const { path, text, isExecutable } of spec.files) {
    yield textMember([insideFolder.slice(1), ...partsInside(path)].join('/'), text, isExecutable ? 0o755 : 0o644)
  }
  if (code === undefined) return
  const below = (path: string): string => [insideFolder.slice(1), 'code', ...partsInside(path)].join('/')
  for await (const member of safeMembers(code, signal)) {
    const target = member.kind === 'hardlink' ? below(member.target) : member.target
    yield { ...member, path: below(member.path), target }
  }
}
