import fc from 'fast-check'
import { inject } from 'vitest'

/** The seed of all random inputs of this run. */
export const seed = inject('seed')

fc.configureGlobal({ seed })

/** fast-check, with the seed of the run. */
export default fc
