import type { Compilable, CompiledQuery } from 'kysely'
import type { Db } from './database.ts'

/** Stands for a parameter while its statement is built. */
class Placeholder {}

interface Compiled<Row> {
  readonly query: CompiledQuery<Row>
  /** For each value of the statement, which parameter it is; -1: it is the same at each use. */
  readonly order: readonly number[]
}

/**
 * Returns a function that runs the statement of `build`, for frequent statements that differ in their values alone: it is built
 * and compiled at its first use of each database handle, and not by kysely at each use. A transaction is a handle of its own.
 * `build` gets a placeholder for each parameter that it declares, without defaults, and passes it on as a value. Throws when a
 * placeholder is not a value of the statement: what `build` makes of it would be the same for all callers.
 */
export function compileOnce<Parameters extends readonly unknown[], Row>(
  build: (db: Db, ...parameters: Parameters) => Compilable<Row>,
): (db: Db, ...parameters: Parameters) => Promise<readonly Row[]> {
  const compiled = new WeakMap<Db, Compiled<Row>>()
  const compile = (db: Db): Compiled<Row> => {
    const placeholders = Array.from({ length: build.length - 1 }, () => new Placeholder())
    const query = build(db, ...(placeholders as unknown as Parameters)).compile()
    for (const [at, placeholder] of placeholders.entries())
      if (!query.parameters.includes(placeholder))
        throw new Error(`Parameter ${at + 1} is not a value of: ${query.sql}`)
    return { query, order: query.parameters.map((value) => placeholders.indexOf(value as Placeholder)) }
  }
  return async (db, ...parameters) => {
    let known = compiled.get(db)
    if (!known) {
      known = compile(db)
      compiled.set(db, known)
    }
    const { query, order } = known
    const values = order.map((at, index) => (at < 0 ? query.parameters[index] : parameters[at]))
    const { rows } = await db.executeQuery<Row>({ ...query, parameters: values })
    return rows
  }
}
