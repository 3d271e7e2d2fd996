import type { Store } from '../store.ts'
import type { Evaluation } from './evaluation.ts'
import { evaluateFormula } from './formula/evaluate.ts'
import { FormulaUnsupported } from './formula/functions.ts'
import { computeRollup } from './rollup.ts'

/** Formulas over rollups over formulas are followed so far; deeper, or in a circle, they have no value. */
const maxDepth = 8

/**
 * How many computed values one value may rest on. Without a bound a formula that names itself many times would take
 * its number of mentions to the power of the depth.
 */
const maxValues = 10_000

interface Budget {
  left: number
}

/**
 * An evaluation of computed columns at a moment.
 *
 * @param now milliseconds since the epoch
 */
export function createEvaluation(store: Store, now: number): Evaluation {
  return evaluationAt(store, now, 0, { left: maxValues })
}

function evaluationAt(store: Store, now: number, depth: number, budget: Budget): Evaluation {
  // Made once, not for every row that is evaluated.
  let next: Evaluation | undefined
  const deeper = () => {
    next ??= evaluationAt(store, now, depth + 1, budget)
    return next
  }
  function guarded<T>(compute: () => T, none: T): T {
    budget.left = depth === 0 ? maxValues : budget.left - 1
    if (depth >= maxDepth || budget.left <= 0) throw new FormulaUnsupported('values that go in circles')
    if (depth > 0) return compute()
    try {
      return compute()
    } catch (error) {
      // What rests on a value that cannot be computed cannot be computed either.
      if (error instanceof FormulaUnsupported) return none
      throw error
    }
  }
  return {
    store,
    now,
    formula: (column, page) =>
      guarded(() => evaluateFormula(deeper(), String(column.config.expression ?? ''), page), {
        type: 'string',
        value: null,
      }),
    rollup: (column, page) => guarded(() => computeRollup(deeper(), column, page), { type: 'number', number: null }),
  }
}
