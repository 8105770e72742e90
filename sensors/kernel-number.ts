/** The whole text as a number, as in `pids.current`; undefined for a missing file, an empty one and words like `max`. */
export function onlyNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? ''
  const value = trimmed === '' ? Number.NaN : Number(trimmed)
  return Number.isFinite(value) ? value : undefined
}

/**
 * The number on the line that begins with `name`, as `rss 4096`, `read_bytes: 4096` or `RssAnon:  4 kB`. Looks for the few lines that
 * are wanted instead of splitting them all.
 * @param name with what stands between it and the number, blanks aside: `rss `, `read_bytes:`
 */
export function numberAfter(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const at = text.startsWith(name) ? 0 : text.indexOf(`\n${name}`) + 1
  if (at === 0 && !text.startsWith(name)) return undefined
  const value = Number.parseInt(text.slice(at + name.length, at + name.length + 32), 10)
  return Number.isFinite(value) ? value : undefined
}
