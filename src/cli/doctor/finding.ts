/** What a check found. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warning' | 'error'
  readonly message: string
  /** What to do, in imperative sentences. Null where there is nothing to do. */
  readonly fix: string | null
}

/** A check that ends early when the signal is aborted. What it throws is an error that it found. */
export type Check = (signal: AbortSignal) => Promise<readonly Finding[]>

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message, fix: null })

export const warning = (check: string, message: string, fix: string): Finding => ({
  check,
  status: 'warning',
  message,
  fix,
})

export const error = (check: string, message: string, fix: string): Finding => ({
  check,
  status: 'error',
  message,
  fix,
})

/**
 * Makes a finding of a message for operators, which states what is wrong and then what to do. `fallback` is what to do where
 * the message does not.
 */
export function fromMessage(
  check: string,
  status: 'warning' | 'error',
  text: string,
  fallback = 'Fix the cause and run doctor again.',
): Finding {
  const at = text.search(/(?<=[.:;)] |^)(?:Add|Check|Create|Decrease|Register|Remove|Renew|Set|Start|Stop|Use this)\b/)
  if (at <= 0) return { check, status, message: text, fix: fallback }
  return { check, status, message: text.slice(0, at).trim().replace(/[;:]$/, ''), fix: text.slice(at) }
}

/** Runs a check. After `deadlineMs` it has failed, whatever it waits for. Never rejects. */
export async function runCheck(check: string, work: Check, deadlineMs: number): Promise<readonly Finding[]> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => {
      controller.abort()
      const message = `It did not end within ${deadlineMs / 1_000} s.`
      resolve([error(check, message, 'Check that what it asks can be reached from this machine.')])
    }, deadlineMs)
  })
  try {
    return await Promise.race([work(controller.signal), late])
  } catch (cause) {
    return [fromMessage(check, 'error', reasonOf(cause))]
  } finally {
    clearTimeout(timer)
  }
}

/** Describes an error in one line. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // `fetch failed` has its reason as the cause, which may have a code alone.
  const reason = cause.cause instanceof Error ? cause.cause : cause
  const text = reason.message || (reason as NodeJS.ErrnoException).code || cause.message || cause.name
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
}

/** The middle one of some numbers. */
export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** A time in milliseconds, for people. */
export const milliseconds = (time: number): string => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`
