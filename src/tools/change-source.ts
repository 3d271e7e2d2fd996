import type { PolledEvent } from '../provider-events/provider-event.ts'
import type { ToolCall } from './tool.ts'

/** One list of the provider: what was edited last, with the events that it shows. */
export interface ChangeList {
  /** In the order of the list. */
  readonly objects: readonly {
    /** The last moment that the time of the object's last edit may mean. */
    readonly until: Date
    readonly events: readonly PolledEvent[]
  }[]
  /** The cursor of the next list; null at the end. */
  readonly next: string | null
  /** When the provider answered, by its own clock; null where it did not say. */
  readonly at: Date | null
}

/** How a provider's objects are listed by their last edit, for events where it sends none. */
export interface ChangeSource {
  /** The types of events that lists show, of the connector's `events.types`. */
  readonly types: readonly string[]
  /** How late lists may have an edit, in milliseconds. */
  readonly listDelayMs: number
  /**
   * Lists the objects that a grant can read, the last edited first; `cursor` is null for the beginning. Throws the errors of
   * {@link ToolCall.send}.
   */
  list(call: ToolCall, cursor: string | null): Promise<ChangeList>
}
