import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A part of the work that is measured. Attributes never have content, credentials or identifiers of users. */
export interface Work {
  /** One of few names, without values. */
  readonly name: string
  readonly kind: 'server' | 'client' | 'internal'
  readonly attributes?: Attributes
  /** Headers of the caller, whose trace is continued. */
  readonly callerHeaders?: Headers
  /** Whether background work of which this is all has done nothing, unless {@link RunningSpan.acted} says otherwise. */
  readonly isLooking?: boolean
}

/** The span of work that runs. */
export interface RunningSpan {
  set(attributes: Attributes): void
  /** Marks the work as failed. `type` is a name from a small set, never a message. */
  fail(type: string): void
  /** Marks work that looked for something to do as having done it. */
  acted(): void
  /** The `traceparent` of requests that this work sends (W3C Trace Context). */
  traceparent(): string
}

/** Measures work as spans. The current span is found by the asynchronous context of the caller. */
export interface Tracing {
  /** Runs work in a span, under that of the caller if there is one. An error marks it as failed, by its name alone. */
  span<T>(work: Work, run: (span: RunningSpan) => Promise<T>): Promise<T>
  /**
   * Runs background work in a trace of its own, which is recorded only if the work did something: a part of it did, it logged
   * something, it failed, or `acted` is true of its result. Polls that find nothing to do leave no span.
   */
  background<T>(name: string, run: () => Promise<T>, acted?: (result: T) => boolean): Promise<T>
  /** Whether the caller is in a span. */
  isActive(): boolean
  /** Fields of log lines: the IDs of the current trace and span. Empty outside of a span. */
  logFields(): Readonly<Record<string, string>>
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL }

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name) ?? undefined,
  keys: (headers) => [...headers.keys()],
}

/** Spans that background work holds back until it is known whether it did something. Later ones are lost. */
const maxHeld = 200

/** The spans of background work. They are sent when they end, which is put off until the work did something. */
interface Held {
  end(span: Span): void
  /** Sends what is held back. Returns whether the work is recorded: it is not if it had ended without doing anything. */
  acted(): boolean
  /** Called at the end: what was not recorded by then never is. */
  close(): void
}

function holdSpans(): Held {
  const waiting: (() => void)[] = []
  let state: 'held' | 'recorded' | 'closed' = 'held'
  return {
    end(span) {
      const endedAt = performance.now()
      if (state === 'recorded') span.end()
      else if (state === 'held' && waiting.length < maxHeld) waiting.push(() => span.end(endedAt))
    },
    acted() {
      if (state === 'held') {
        state = 'recorded'
        for (const end of waiting.splice(0)) end()
      }
      return state === 'recorded'
    },
    close() {
      if (state === 'held') state = 'closed'
      waiting.length = 0
    },
  }
}

/** Where work runs: its span, and what holds the spans of the background work that it is a part of. */
interface Place {
  readonly context: Context
  readonly held: Held | null
}

/** Creates the tracing over a tracer. `propagator` reads the context of callers; null: every trace begins here. */
export function createTracing(tracer: Tracer, propagator: TextMapPropagator | null): Tracing {
  // Not the context of the API package, which is one for the process: several apps may run in it.
  const current = new AsyncLocalStorage<Place>()
  const parentOf = ({ callerHeaders }: Work): Context => {
    const active = current.getStore()?.context ?? ROOT_CONTEXT
    return callerHeaders && propagator ? propagator.extract(active, callerHeaders, headerGetter) : active
  }
  /** Runs work in a new span. */
  const measure = async <T>(
    work: Work,
    parent: Context,
    held: Held | null,
    run: (span: RunningSpan) => Promise<T>,
  ): Promise<T> => {
    const { name, kind, attributes } = work
    const span = tracer.startSpan(name, { kind: kinds[kind], ...(attributes && { attributes }) }, parent)
    try {
      const place = { context: trace.setSpan(parent, span), held }
      return await current.run(
        place,
        run,
        runningSpan(span, () => void held?.acted()),
      )
    } catch (error) {
      fail(span, error instanceof Error ? error.name : 'Error')
      throw error
    } finally {
      if (held) held.end(span)
      else span.end()
    }
  }
  return {
    span(work, run) {
      const held = current.getStore()?.held ?? null
      if (!work.isLooking) held?.acted()
      return measure(work, parentOf(work), held, run)
    },
    async background(name, run, acted) {
      const held = holdSpans()
      try {
        return await measure({ name, kind: 'internal' }, ROOT_CONTEXT, held, async () => {
          try {
            const result = await run()
            if (acted?.(result)) held.acted()
            return result
          } catch (error) {
            held.acted()
            throw error
          }
        })
      } finally {
        held.close()
      }
    },
    isActive: () => current.getStore() !== undefined,
    logFields() {
      const { context, held } = current.getStore() ?? {}
      const span = context && trace.getSpanContext(context)
      // A line must not name a trace that is dropped.
      if (!span || held?.acted() === false) return {}
      return { trace_id: span.traceId, span_id: span.spanId }
    },
  }
}

function runningSpan(span: Span, acted: () => void): RunningSpan {
  return {
    acted,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (type) => fail(span, type),
    traceparent() {
      const { traceId, spanId, traceFlags } = span.spanContext()
      return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
    },
  }
}

/** Without the message of the error and its stack trace, which may quote content. */
function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}
