/** Lookup of columns and their options. */
import type { DataSource, Json, JsonObject, PropertySchema } from '../model.ts'

/** The only column of a page that is not in a data source. */
export const titleColumn: PropertySchema = { id: 'title', name: 'title', type: 'title', description: null, config: {} }

/** Returns a column id as in responses, where Notion percent-encodes it. */
export function encodedId(property: PropertySchema): string {
  return encodeURIComponent(property.id)
}

/** Returns the column with this name or id (encoded or not). `title` also finds the title column. */
export function findColumn(columns: readonly PropertySchema[], key: string): PropertySchema | undefined {
  return (
    columns.find(({ name }) => name === key) ??
    columns.find((column) => column.id === key || encodedId(column) === key) ??
    (key === 'title' ? columns.find(({ type }) => type === 'title') : undefined)
  )
}

/** Returns the column with this id, otherwise the column with this name. */
export function columnOf(
  dataSource: Pick<DataSource, 'properties'>,
  id: Json | undefined,
  name: Json | undefined,
): PropertySchema | undefined {
  return (
    dataSource.properties.find((column) => column.id === id) ??
    dataSource.properties.find((column) => column.name === name)
  )
}

/** An option of a select, multi-select or status column. */
export interface Option {
  readonly id: string
  readonly name: string
  readonly color: string
  readonly description: string | null
}

/** Returns the options of a column in display order. Returns an empty list for other types. */
export function optionsOf(column: PropertySchema): readonly Option[] {
  const { options } = column.config
  return Array.isArray(options) ? (options as unknown as Option[]) : []
}

/** Returns an object unchanged, and an empty object for any other value. */
export function asObject(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Returns a list of strings unchanged, such as the ids of a relation, and an empty list for any other value. */
export function asIds(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : []
}
