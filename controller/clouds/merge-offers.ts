/** What several locations offer under one id is one offer in several locations. Pure. */
export function mergeOffers<T extends { readonly id: string; readonly locations: readonly string[] }>(
  offers: readonly T[],
): T[] {
  const merged = new Map<string, T>()
  for (const offer of offers) {
    const before = merged.get(offer.id)
    const locations = before ? [...new Set([...before.locations, ...offer.locations])] : offer.locations
    merged.set(offer.id, { ...offer, locations })
  }
  return [...merged.values()]
}
