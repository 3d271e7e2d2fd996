/** What is counted: its name in the singular and the plural. */
export type Counted = readonly [one: string, many: string]

export const characters: Counted = ['character', 'characters']
export const entries: Counted = ['entry', 'entries']

/** The bounds of a number or count, both inclusive. */
export interface Bounds {
  readonly min?: number | bigint
  readonly max?: number | bigint
}

/** Returns the rule of a count with what was given: `must have 1 to 100 characters, not 101`. */
export function countRule(count: number, bounds: Bounds, counted: Counted): string {
  const last = bounds.max ?? bounds.min
  return `must have ${range(bounds)} ${counted[Number(last) === 1 ? 0 : 1]}, not ${count}`
}

/** Returns the rule of a number with what was given: `must be at least 1, not 0`. */
export const numberRule = (found: unknown, bounds: Bounds): string => `must be ${range(bounds)}, not ${String(found)}`

const range = ({ min, max }: Bounds) =>
  min === undefined ? `at most ${max}` : max === undefined ? `at least ${min}` : `${min} to ${max}`
