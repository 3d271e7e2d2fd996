/** Columns of data sources: how requests name them. */
import type { DataSource, Json, JsonObject, PropertySchema } from '../model.ts'

/** The column that every page outside of a data source has. */
export const titleColumn: PropertySchema = { id: 'title', name: 'title', type: 'title', description: null, config: {} }

/** An id as answers show it: Notion percent-encodes the characters of its short ids. */
export function encodedId(property: PropertySchema): string {
  return encodeURIComponent(property.id)
}

/**
 * The column that a request names: by its name, by its id (encoded or not), or by `title`, which every title column
 * answers to.
 */
export function findColumn(columns: readonly PropertySchema[], key: string): PropertySchema | undefined {
  return (
    columns.find(({ name }) => name === key) ??
    columns.find((column) => column.id === key || encodedId(column) === key) ??
    (key === 'title' ? columns.find(({ type }) => type === 'title') : undefined)
  )
}

/** The column with an id, as stored configurations name it, or else with a name. */
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

/** The options of a column in their order; none if the column is of another type. */
export function optionsOf(column: PropertySchema): readonly Option[] {
  const { options } = column.config
  return Array.isArray(options) ? (options as unknown as Option[]) : []
}

/** A value as an object, empty if it is none. */
export function asObject(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** A value as a list of strings, such as the ids of a relation; empty if it is none. */
export function asIds(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : []
}
