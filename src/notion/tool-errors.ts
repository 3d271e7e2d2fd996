import {
  AmbiguousDataSourceError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  WrongResourceTypeError,
} from '../errors.ts'

/** Errors of tools that read or change a page, database, data source, block or comment. */
export const objectErrors = [
  ResourceNotSharedError,
  ResourceNotFoundError,
  ResourceUnavailableError,
  WrongResourceTypeError,
] as const

/** Errors of tools that look up the data source of a database. */
export const dataSourceErrors = [...objectErrors, AmbiguousDataSourceError] as const

/** Errors of tools that read a user or a file upload, which are not shared one by one. */
export const unsharedObjectErrors = [ResourceNotFoundError] as const

/** Returns a {@link ResourceNotSharedError} that explains how to share the object in Notion. */
export const notShared = (resourceId: string, evidence: string) =>
  new ResourceNotSharedError(
    resourceId,
    evidence,
    'Ask the user to share it with the connection in Notion (••• menu, Connections), or to authorize again and select it in the page picker.',
  )

/** Returns the error for a database with several data sources of which the call selects none. `at`: the input that selects. */
export const ambiguous = (databaseId: string, choices: AmbiguousDataSourceError['choices'], at = 'data_source') =>
  new AmbiguousDataSourceError(
    `The database ${databaseId} has ${choices.length} data sources.`,
    `Pass ${at} with one of: ${choices.map(({ id, name }) => `${name} (${id})`).join(', ')}.`,
    choices,
  )
