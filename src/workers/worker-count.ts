const maxWorkers = 64

/**
 * Returns how many worker processes a value of `VALETKEY_WORKERS` selects: `auto` is one for each of the machine's cores,
 * and no value is 1. Null for a value that is not valid.
 *
 * Apart from `config.ts`, because the primary loads as little code as possible.
 */
export function workerCount(value: string | undefined, cores: number): number | null {
  const setting = value?.trim() || '1'
  if (setting === 'auto') return Math.min(cores, maxWorkers)
  const count = /^\d+$/.test(setting) ? Number(setting) : 0
  return count >= 1 && count <= maxWorkers ? count : null
}
