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
}

/** The span of work that runs. */
export interface RunningSpan {
  set(attributes: Attributes): void
  /** Marks the work as failed. `type` is a name from a small set, never a message. */
  fail(type: string): void
  /** The `traceparent` of requests that this work sends (W3C Trace Context). */
  traceparent(): string
}

/** Measures work as spans. The current span is found by the asynchronous context of the caller. */
export interface Tracing {
  /** Runs work in a span, under that of the caller if there is one. An error marks it as failed, by its name alone. */
  span<T>(work: Work, run: (span: RunningSpan) => Promise<T>): Promise<T>
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

/** Creates the tracing over a tracer. `propagator` reads the context of callers; null: every trace begins here. */
export function createTracing(tracer: Tracer, propagator: TextMapPropagator | null): Tracing {
  // Not the context of the API package, which is one for the process: several apps may run in it.
  const current = new AsyncLocalStorage<Context>()
  const parentOf = ({ callerHeaders }: Work): Context => {
    const active = current.getStore() ?? ROOT_CONTEXT
    return callerHeaders && propagator ? propagator.extract(active, callerHeaders, headerGetter) : active
  }
  return {
    async span(work, run) {
      const parent = parentOf(work)
      const span = tracer.startSpan(
        work.name,
        { kind: kinds[work.kind], ...(work.attributes && { attributes: work.attributes }) },
        parent,
      )
      try {
        return await current.run(trace.setSpan(parent, span), run, runningSpan(span))
      } catch (error) {
        fail(span, error instanceof Error ? error.name : 'Error')
        throw error
      } finally {
        span.end()
      }
    },
    isActive: () => current.getStore() !== undefined,
    logFields() {
      const context = current.getStore() && trace.getSpanContext(current.getStore() ?? ROOT_CONTEXT)
      return context ? { trace_id: context.traceId, span_id: context.spanId } : {}
    },
  }
}

function runningSpan(span: Span): RunningSpan {
  return {
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
