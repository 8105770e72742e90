/**
 * Max–min fair shares: the largest cap such that the sizes, each cut down to it, sum to at most `budget`. Whoever needs less
 * than the cap keeps everything; only the biggest give. At least 1, so that nobody is left with nothing.
 */
export function fairCap(sizes: readonly number[], budget: number): number {
  let left = budget
  const ascending = sizes.toSorted((a, b) => a - b)
  for (const [i, size] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i))
    if (size > share) return Math.max(1, share)
    left -= size
  }
  return Math.max(1, ascending.at(-1) ?? 1)
}
