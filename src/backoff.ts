/**
 * Full jitter: a random pause in milliseconds between zero and a bound that starts at `firstMs`, doubles with each
 * attempt (counted from 0) and never exceeds `maxMs`. It keeps clients that failed together from retrying together.
 *
 * `random` returns a number from 0 up to and without 1.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitter(
  bounds: { readonly firstMs: number; readonly maxMs: number },
  attempt: number,
  random: () => number,
): number {
  const bound = Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(attempt, 30))
  return Math.round(random() * bound)
}
