import type { InputIssue } from '../errors.ts'
import { isObject } from './json.ts'

/** The names of parts of a request in the input of the tool: `{ children: 'child_blocks' }`. */
export type InputNames = Readonly<Record<string, string>>

/** What is known of a refused request: the input of its tool, and the body that was made of it. */
export interface Refused {
  readonly names: InputNames
  readonly input: unknown
  readonly body: unknown
  /** The id of the object that the request is about. */
  readonly targetId: string | null
  /** The place that a message without any other hint is about. */
  readonly place: string | null
}

/** A string within a value, with the keys and indexes that lead to it. */
interface Leaf {
  readonly path: readonly string[]
  readonly text: string
}

function* leavesOf(value: unknown, path: readonly string[] = []): Generator<Leaf> {
  if (typeof value === 'string') yield { path, text: value }
  if (typeof value !== 'object' || value === null) return
  for (const [key, held] of Object.entries(value)) yield* leavesOf(held, [...path, key])
}

// Property names contain spaces.
const located =
  /\b(body|path|query)((?:\.[^.[\]`"\n]+?|\[\d+\])+) ((?:should|must|cannot|is|has|does|of type) [^\n]*?)(?=(?:[.;,])?\s+(?:body|path|query)\.|\n|$)/g
const patterns: readonly { readonly at: RegExp; readonly place: string }[] = [
  { at: /^(?<name>.+) is not a property that exists/, place: 'properties' },
  { at: /^(?<name>.+) is expected to be /, place: 'properties' },
  { at: /^Invalid (?:status|select|multi_select) option.*/, place: 'properties' },
  { at: /^Could not find sort property with name or id: (?<name>.+)$/, place: 'sorts' },
  { at: /^Could not find property with name or id: (?<name>.+)$/, place: 'filter' },
  { at: /property type in the database does not match the property type of the filter/, place: 'filter' },
  { at: /\bstart_cursor\b/, place: 'start_cursor' },
]

/** Returns the places that a `validation_error` is about, as places of the input of the tool; none where nothing shows. */
export function issuesOf(message: string, refused: Refused): readonly InputIssue[] {
  const issues: InputIssue[] = []
  for (const [, area, path = '', text = ''] of message.matchAll(located)) {
    issues.push({ path: inputPath(keysOf(path), refused, area === 'body'), message: text.replace(/\.$/, '') })
  }
  if (issues.length > 0) return issues
  const found = placesWithout(message, refused)
  return found.map((path) => ({ path, message }))
}

/** Returns the places that a message means without naming a part of the request. */
function placesWithout(message: string, refused: Refused): readonly string[] {
  const urls = /\burl\b/i.test(message) ? urlPlaces(message, refused) : []
  if (urls.length > 0) return urls
  const quoted = [...message.matchAll(/"([^"\n]+)"|`([^`\n]+)`/g)].map(([, one, other]) => one ?? other ?? '')
  for (const text of quoted) {
    const [only, second] = inputPlaces(refused.input, text)
    if (only !== undefined && second === undefined) return [only]
  }
  for (const id of message.match(uuids) ?? []) {
    const [only, second] = [...leavesOf(refused.body)].filter(({ text }) => text === id)
    if (only !== undefined && second === undefined) return [inputPath(only.path, refused, true)]
  }
  for (const { at, place } of patterns) {
    const match = at.exec(message)
    if (match === null) continue
    const name = match.groups?.name
    const path = inputPath([place], refused, false)
    return [name !== undefined && place === 'properties' ? `${path}.${name}` : path]
  }
  if (refused.place !== null) return [refused.place]
  const input = isObject(refused.input) ? refused.input : {}
  const free = Object.keys(input).filter((key) => typeof input[key] === 'object' && input[key] !== null)
  const words = wordsOf(message)
  const named = free.filter((key) => words.has(key) || words.has(key.replace(/ies$/, 'y').replace(/s$/, '')))
  if (named.length === 1) return named
  for (const text of quoted) {
    const around = commonPath(inputPlaces(input, text))
    if (around !== '') return [around]
  }
  const [target] = refused.targetId === null ? [] : inputPlaces(input, refused.targetId)
  return target !== undefined ? [target] : free.length === 1 ? free : []
}

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Returns what several places have in common: `options` for `options.0` and `options.1`. */
function commonPath([first = '', ...others]: readonly string[]): string {
  const keys = first.split('.')
  const different = keys.findIndex((key, at) => others.some((other) => other.split('.')[at] !== key))
  return keys.slice(0, different === -1 ? keys.length : different).join('.')
}

/** Returns the places of the URLs that a message such as `Invalid URL for link.` may mean. */
function urlPlaces(message: string, refused: Refused): readonly string[] {
  const urls = [...leavesOf(refused.body)].filter(({ path }) => path.at(-1) === 'url')
  const words = wordsOf(message)
  const kinds = urls.filter(({ path }) => path.some((key) => key !== 'url' && words.has(key)))
  const meant = kinds.length > 0 ? kinds : urls
  const invalid = meant.filter(({ text }) => !/^(?:https?|mailto|tel):/i.test(text) || !URL.canParse(text))
  const places = (invalid.length > 0 ? invalid : meant).map(({ path }) => inputPath(path, refused, true))
  return [...new Set(places)].slice(0, maxPlaces)
}

const maxPlaces = 20
const wordsOf = (message: string) => new Set(message.toLowerCase().match(/[a-z_]+/g) ?? [])

/** Returns the places of the input that hold a string, an id in any form. */
function inputPlaces(input: unknown, text: string): readonly string[] {
  const plain = (value: string) => value.trim().toLowerCase().replaceAll('-', '')
  return [...leavesOf(input)].filter((leaf) => plain(leaf.text) === plain(text)).map(({ path }) => path.join('.'))
}

const keysOf = (path: string) =>
  path
    .replace(/^\./, '')
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')

/**
 * Returns `child_blocks.0.paragraph` for the keys of `.children[0].paragraph`. The longest renamed beginning counts.
 * Where exactly one place of the input holds the same string, it is that place: a request may hold a part of the input,
 * in another form.
 */
function inputPath(keys: readonly string[], refused: Refused, inBody: boolean): string {
  const { names, input } = refused
  if (inBody) {
    const own = keys.at(-1) === 'length' ? keys.slice(0, -1) : keys
    const value = own.reduce<unknown>(ownAt, refused.body)
    const [only, second] = typeof value === 'string' && value !== '' ? inputPlaces(input, value) : []
    if (only !== undefined && second === undefined) return keys.length === own.length ? only : `${only}.length`
  }
  const dotted = keys.join('.')
  const [longest] = Object.keys(names)
    .filter((name) => dotted === name || dotted.startsWith(`${name}.`))
    .toSorted((a, b) => b.length - a.length)
  return withinInput(
    longest === undefined ? dotted : `${names[longest] ?? longest}${dotted.slice(longest.length)}`,
    input,
  )
}

const ownAt = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? value[key as never] : undefined

/**
 * Returns a place without what is below a plain value of the input: `properties.Status` for the string "Done" there. Where
 * the input has a part next to the key that contains it in the request, that key is left out: `children.0.language` for
 * `children.0.code.language`.
 */
function withinInput(path: string, input: unknown): string {
  const keys = path.split('.')
  const found: string[] = []
  let at = input
  for (const [index, key] of keys.entries()) {
    if (at === null || at === undefined) return [...found, ...keys.slice(index)].join('.')
    if (typeof at !== 'object') break
    const [held, next] = [ownAt(at, key), keys[index + 1] ?? '']
    if (ownAt(held, next) === undefined && ownAt(at, next) !== undefined) continue
    found.push(key)
    at = held
  }
  return found.join('.')
}
