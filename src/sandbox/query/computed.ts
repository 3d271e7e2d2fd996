import type { Store } from '../store.ts'
import type { Evaluation } from './evaluation.ts'
import { evaluateFormula } from './formula/evaluate.ts'
import { FormulaUnsupported } from './formula/functions.ts'
import { computeRollup } from './rollup.ts'

/** Maximum depth of computed values that use other computed values. Deeper or cyclic ones have no value. */
const maxDepth = 8

/**
 * Maximum number of computed values that one value uses. Without it, the time for a formula that references itself
 * grows exponentially with the depth.
 */
const maxValues = 10_000

interface Budget {
  left: number
}

/** Creates an evaluation of computed columns. `now` is in milliseconds since the epoch. */
export function createEvaluation(store: Store, now: number): Evaluation {
  return evaluationAt(store, now, 0, { left: maxValues })
}

function evaluationAt(store: Store, now: number, depth: number, budget: Budget): Evaluation {
  // Created once, not for every row.
  let next: Evaluation | undefined
  const deeper = () => {
    next ??= evaluationAt(store, now, depth + 1, budget)
    return next
  }
  function guarded<T>(compute: () => T, none: T): T {
    budget.left = depth === 0 ? maxValues : budget.left - 1
    if (depth >= maxDepth || budget.left <= 0) throw new FormulaUnsupported('cyclic or too deep values')
    if (depth > 0) return compute()
    try {
      return compute()
    } catch (error) {
      // A value that uses an unsupported value is unsupported too.
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
