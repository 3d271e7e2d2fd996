/** What computed values are made of and what they look like. Formulas and rollups are computed on reading, never stored. */
import type { Page, PropertySchema } from '../model.ts'
import type { Store } from '../store.ts'

/** A date as it is stored, in Notion's strings. */
export interface DateValue {
  readonly start: string
  readonly end: string | null
  readonly time_zone: string | null
}

/** The result of a formula; null where it has none. */
export type FormulaResult =
  | { readonly type: 'string'; readonly value: string | null }
  | { readonly type: 'number'; readonly value: number | null }
  | { readonly type: 'boolean'; readonly value: boolean | null }
  | { readonly type: 'date'; readonly value: DateValue | null }

/** A property of a related page. */
export interface RollupElement {
  readonly column: PropertySchema
  readonly page: Page
}

/** The result of a rollup; its elements are rendered by whoever shows it. */
export type Rollup =
  | { readonly type: 'number'; readonly number: number | null }
  | { readonly type: 'date'; readonly date: DateValue | null }
  | { readonly type: 'array'; readonly elements: readonly RollupElement[] }

/** What values are computed from. */
export interface Evaluation {
  readonly store: Store
  /** Milliseconds since the epoch; what `now()` in a formula says. */
  readonly now: number
  /** The result of a formula column for a row. */
  formula(column: PropertySchema, page: Page): FormulaResult
  /** The result of a rollup column for a row. */
  rollup(column: PropertySchema, page: Page): Rollup
}
