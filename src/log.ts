import pino, { type DestinationStream, type Logger } from 'pino'

/** The structured log of the process: `log.info({ field }, 'message')`. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

const credentials = /\b(?:ntn_|nrt_|secret_|vk_)[\w-]{6,}|\bwhsec_[\w+/=-]{6,}|\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}/g

/**
 * Creates a log of JSON lines. `Secret` prints itself redacted; in addition, everything that looks like a credential is
 * redacted, for strings of libraries and providers. Errors are reduced to name, message, code and stack: their other
 * fields (bound parameters, response bodies, causes) may hold secrets. Every line has the `fields`.
 */
export function createLog(
  level: string,
  destination?: DestinationStream,
  fields: Readonly<Record<string, unknown>> | null = null,
): Log {
  return pino(
    {
      level,
      base: fields,
      serializers: { err: describeError },
      hooks: { streamWrite: (line) => line.replace(credentials, '[redacted]') },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  )
}

/** Returns a log whose lines have, in addition, the fields that `fields` returns when they are written. */
export function withFields(log: Log, fields: () => Readonly<Record<string, unknown>>): Log {
  const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
  const write = (level: (typeof levels)[number], [first, ...rest]: unknown[]) =>
    typeof first === 'string'
      ? log[level](fields(), first, ...(rest as []))
      : log[level]({ ...fields(), ...(first as object) }, ...(rest as []))
  return Object.fromEntries(levels.map((level) => [level, (...line: unknown[]) => write(level, line)])) as Log
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined
  return { type: error.name, message: error.message, code, stack: error.stack }
}
