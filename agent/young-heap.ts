import { setFlagsFromString } from 'node:v8'

/**
 * Keeps V8's young generation as small as it is now, 2 to 4 MiB at the start of an agent; left alone it doubles up to 32 MiB while an
 * agent idles, which is most of what its memory grows by in its first hours. Takes effect at once, for the whole process. The carbon
 * intake makes next to no garbage and is as fast (0.35 to 0.39 µs of processor time a line either way).
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
