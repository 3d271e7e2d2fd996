/**
 * Returns the key that names have in common which look the same: they differ only in Unicode normalization, in kinds of
 * white space, quotes and dashes, or in invisible characters such as the variation selectors of emojis. All comparisons of
 * names use it.
 *
 * @see https://unicode.org/reports/tr15/
 */
const nameKey = (name: string): string =>
  name
    .normalize('NFC')
    .replace(/\p{Variation_Selector}|[\u00ad\u200b\u200c\u2060\ufeff]/gu, '')
    .replace(/[\u2018-\u201b\u2032]/g, "'")
    .replace(/[\u201c-\u201f\u2033]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll('\u2026', '...')
    .replace(/\s+/gu, ' ')
    .trim()

/** Returns the key of a title that a person recalls, without regard to case. */
export const titleKey = (title: string): string => nameKey(title).toLowerCase()

/** Whether two names look the same. */
export const looksLike = (name: string, other: string): boolean => nameKey(name) === nameKey(other)

interface Named {
  readonly id?: string | null
  readonly name: string
}

/** The items of a list by id, by name and by the key of their name. */
interface NameIndex<Item extends Named> {
  readonly ids: ReadonlyMap<string, Item>
  readonly exact: ReadonlyMap<string, Item>
  readonly alike: ReadonlyMap<string, readonly Item[]>
}

/** The lists never change, and an input can have as many names as they have items. */
const indexes = new WeakMap<readonly Named[], NameIndex<Named>>()

function indexOf<Item extends Named>(items: readonly Item[]): NameIndex<Item> {
  const cached = indexes.get(items)
  if (cached !== undefined) return cached as NameIndex<Item>
  const ids = new Map<string, Item>()
  const exact = new Map<string, Item>()
  const alike = new Map<string, Item[]>()
  for (const item of items) {
    if (item.id && !ids.has(item.id)) ids.set(item.id, item)
    if (!exact.has(item.name)) exact.set(item.name, item)
    const key = nameKey(item.name)
    const others = alike.get(key)
    if (others === undefined) alike.set(key, [item])
    else others.push(item)
  }
  const index = { ids, exact, alike }
  indexes.set(items, index)
  return index
}

/** Returns the item with an id. */
export const withId = <Item extends Named>(items: readonly Item[], id: string): Item | undefined =>
  indexOf(items).ids.get(id)

/** Returns the item with exactly this name; of several the first. */
export const exactlyNamed = <Item extends Named>(items: readonly Item[], name: string): Item | undefined =>
  indexOf(items).exact.get(name)

/** Returns the items whose names look like a name. */
export const alikeNamed = <Item extends Named>(items: readonly Item[], name: string): readonly Item[] =>
  indexOf(items).alike.get(nameKey(name)) ?? []

/** Returns the item of a name, or else the only one whose name looks like it. Undefined where several do. */
export function named<Item extends Named>(items: readonly Item[], name: string): Item | undefined {
  const exact = exactlyNamed(items, name)
  if (exact !== undefined) return exact
  const [only, second] = alikeNamed(items, name)
  return second === undefined ? only : undefined
}

/** Returns a table of values by name that does not have the names that every object inherits, such as `constructor`. */
export const dictionary = <Value>(entries: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> =>
  Object.assign(Object.create(null), entries)
