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
