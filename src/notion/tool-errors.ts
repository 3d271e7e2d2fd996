import {
  AmbiguousDataSourceError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  WrongResourceTypeError,
} from '../errors.ts'

/** What a tool can meet that reads or changes a page, database, data source, block or comment. */
export const objectErrors = [
  ResourceNotSharedError,
  ResourceNotFoundError,
  ResourceUnavailableError,
  WrongResourceTypeError,
] as const

/** What a tool can meet that finds the data source of a database. */
export const dataSourceErrors = [...objectErrors, AmbiguousDataSourceError] as const

/** What a tool can meet that reads a user or a file upload: those are not shared one by one. */
export const unsharedObjectErrors = [ResourceNotFoundError] as const

/** {@link ResourceNotSharedError} with the way to share in Notion. */
export const notShared = (resourceId: string, evidence: string) =>
  new ResourceNotSharedError(
    resourceId,
    evidence,
    'Ask the user to share it with the connection in Notion (••• menu, Connections), or to authorize again and select it in the page picker.',
  )

/** The database has several data sources and the call selects none of them. */
export const ambiguous = (databaseId: string, choices: AmbiguousDataSourceError['choices']) =>
  new AmbiguousDataSourceError(
    `The database ${databaseId} has ${choices.length} data sources.`,
    `Pass data_source with one of: ${choices.map(({ id, name }) => `${name} (${id})`).join(', ')}.`,
    choices,
  )
