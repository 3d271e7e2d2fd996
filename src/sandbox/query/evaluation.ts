/** Types of computed values. Formulas and rollups are computed when they are read, and never stored. */
import type { Id, Page, PropertySchema } from '../model.ts'
import type { Store } from '../store.ts'

/** A stored date with Notion's strings. */
export interface DateValue {
  readonly start: string
  readonly end: string | null
  readonly time_zone: string | null
}

/** The result of a formula. Null is the empty value. */
export type FormulaResult =
  | { readonly type: 'string'; readonly value: string | null }
  | { readonly type: 'number'; readonly value: number | null }
  | { readonly type: 'boolean'; readonly value: boolean | null }
  | { readonly type: 'date'; readonly value: DateValue | null }

/** A property of a related page. `column` defines its type. */
export interface RollupElement {
  readonly column: PropertySchema
  readonly page: Page
}

/** The result of a rollup. The caller renders the elements. */
export type Rollup =
  | { readonly type: 'number'; readonly number: number | null }
  | { readonly type: 'date'; readonly date: DateValue | null }
  | { readonly type: 'array'; readonly elements: readonly RollupElement[] }

/** Computes values of rows. */
export interface Evaluation {
  readonly store: Store
  /** Value of `now()` in formulas, in milliseconds since the epoch. */
  readonly now: number
  /** The user who authorized the connection, whom `me` means in a filter. */
  readonly me?: Id
  /** Returns the result of a formula column for a row. */
  formula(column: PropertySchema, page: Page): FormulaResult
  /** Returns the result of a rollup column for a row. */
  rollup(column: PropertySchema, page: Page): Rollup
}
