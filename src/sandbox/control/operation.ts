import type * as z from 'zod'
import type { BulkContent, BulkOrder } from '../bulk.ts'
import type { FaultList } from '../faults/fault.ts'
import type { SandboxState } from '../state.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'

/** The parts of a sandbox that operations change. */
export interface ControlTargets {
  readonly state: SandboxState
  readonly faults: FaultList
  readonly webhooks: Webhooks
  /** Restores the state of a new sandbox. */
  reset(): Promise<void>
  /** Writes the bulk content of an order. */
  order(order: BulkOrder): BulkContent
  /** Returns the number of the next order for bulk content. */
  nextOrder(): number
}

/** Parameters that match the schema but are invalid, such as an unknown user. */
export class BadControlParameters extends Error {
  override readonly name = 'BadControlParameters'
}

/** An operation of the control interface. */
export interface ControlOperation {
  readonly description: string
  readonly parameters: z.ZodType
  /** Runs the operation. Throws z.ZodError or BadControlParameters when the parameters are invalid. */
  run(targets: ControlTargets, parameters: unknown): Promise<object> | object
}

/** Returns an operation that parses its parameters. */
export function operation<S extends z.ZodType>(
  description: string,
  parameters: S,
  run: (targets: ControlTargets, parameters: z.output<S>) => Promise<object> | object,
): ControlOperation {
  return { description, parameters, run: (targets, sent) => run(targets, parameters.parse(sent)) }
}
