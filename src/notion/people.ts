import { InvalidToolInputError, MissingCapabilityError } from '../errors.ts'
import type { NotionCall } from './call.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { titleKey } from './names.ts'
import { cutSign } from './references.ts'
import { propertyFor } from './rows.ts'
import type { PropertySchema } from './schema-cache.ts'

/** A user whom a value can name. */
interface Person {
  readonly id: string
  readonly name: string
  readonly email: string | null
}

/** Lists of 100 users that are read. */
const maxLists = 20
const maxListed = 5

/**
 * Returns the values of a row with the ids of users instead of their names or email addresses, as results show them. A name
 * must match one user of the workspace, without regard to case; the candidates are reported otherwise. Users are listed
 * only where a value names one. Throws InvalidToolInputError about the names.
 *
 * @see https://developers.notion.com/reference/get-users
 */
export async function withPeople(
  call: NotionCall,
  schemas: readonly PropertySchema[],
  values: JsonObject,
): Promise<JsonObject> {
  const isPeople = (key: string, value: unknown) => propertyFor(schemas, key, value)?.type === 'people'
  const entries = Object.entries(values)
  if (!entries.some(([key, value]) => isPeople(key, value) && namesIn(value).length > 0)) return values
  const people = await usersOf(call)
  if (people === null) return values
  return Object.fromEntries(
    entries.map(([key, value]) => [key, isPeople(key, value) ? resolved(value, people, `properties.${key}`) : value]),
  )
}

async function usersOf(call: NotionCall): Promise<readonly Person[] | null> {
  const found: Person[] = []
  let start_cursor: string | undefined
  try {
    for (let count = 0; count < maxLists; count += 1) {
      const paging = { page_size: 100, ...(start_cursor !== undefined && { start_cursor }) }
      const body = await call.read((notion) => notion.users.list(paging))
      for (const user of objectsAt(body, 'results')) {
        const [id, name] = [textAt(user, 'id'), textAt(user, 'name')]
        if (id !== null) found.push({ id, name: name ?? '', email: textAt(objectAt(user, 'person'), 'email') })
      }
      start_cursor = textAt(body, 'next_cursor') ?? undefined
      if (start_cursor === undefined) break
    }
    return found
  } catch (error) {
    // The check of the values refuses what is not an id.
    if (error instanceof MissingCapabilityError) return null
    throw error
  }
}

/** Returns the list of people in a value, with or without its keys in Notion's form; a single entry as itself. */
function entryList(value: unknown): unknown {
  if (!isObject(value)) return value
  return value.people ?? (value.type === 'people' ? value.value : undefined) ?? value
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && !['', 'null', cutSign].includes(value.trim()) && !value.split(',').every(isId)
const isId = (part: string) => notionId(part, 'user') !== null || part.includes('user://') || /^\s*[[{]/.test(part)

function nameOf(entry: unknown): string | null {
  if (!isObject(entry)) return isName(entry) ? entry : null
  const held = entry.id === undefined || entry.id === null ? (entry.name ?? entry.email) : null
  return isName(held) ? held : null
}

const namesIn = (value: unknown): readonly string[] => {
  const list = entryList(value)
  return (Array.isArray(list) ? list : [list]).flatMap((entry) => nameOf(entry) ?? [])
}

function resolved(value: unknown, people: readonly Person[], path: string): unknown {
  const list = entryList(value)
  const convert = (entry: unknown, at: string): unknown => {
    const name = nameOf(entry)
    return name === null ? [entry] : idsOf(name, people, at)
  }
  return Array.isArray(list)
    ? list.flatMap((entry, index) => convert(entry, `${path}.${index}`))
    : nameOf(list) === null
      ? value
      : convert(list, path)
}

/** Returns the ids of the user that a name means, or of several users whose names are separated by commas. */
function idsOf(name: string, people: readonly Person[], path: string): readonly string[] {
  const whole = matching(name, people)
  const parts = whole.length === 0 && name.includes(',') ? name.split(',').map((part) => part.trim()) : [name]
  return parts.map((part) => {
    const id = notionId(part, 'user')
    if (id !== null) return id
    const found = matching(part, people)
    const [only, second] = found
    if (only !== undefined && second === undefined) return only.id
    throw new InvalidToolInputError([{ path, message: messageAbout(part, found, people) }])
  })
}

function matching(name: string, people: readonly Person[]): readonly Person[] {
  const wanted = titleKey(name)
  return people.filter((person) => titleKey(person.name) === wanted || person.email?.toLowerCase() === wanted)
}

function messageAbout(name: string, found: readonly Person[], people: readonly Person[]): string {
  const several = found.length > 1
  const words = titleKey(name).split(' ')
  const near = people.filter((person) => words.some((word) => word !== '' && titleKey(person.name).includes(word)))
  const shown = (several ? found : near.length > 0 ? near : people).slice(0, maxListed)
  const listed = shown.map(({ id, name: of }) => `${of} is ${id}`).join(', ')
  const rule = several ? `must be an id: ${found.length} users are named "${name}"` : `unknown user "${name}"`
  return `${rule}. Available users: ${listed || 'none'}. Call notion_user_list to list the users`
}
