import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { type List, type LiveState, type Loaded, useAction } from './data.ts'
import type { Failure } from './failure.ts'
import { useSession } from './session.ts'

/** A constant of the API as words: PENDING_CONFIRMATION → "Pending confirmation". */
export const wordsOf = (constant: string): string => {
  const words = constant.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const tones: Readonly<Record<string, string>> = {
  ACTIVE: 'good',
  SUCCEEDED: 'good',
  DELIVERED: 'good',
  PENDING: 'neutral',
  PENDING_CONFIRMATION: 'warn',
  RUNNING: 'neutral',
  OUTCOME_UNKNOWN: 'warn',
  EXPIRED: 'bad',
  REVOKED: 'bad',
  FAILED: 'bad',
  DISCONNECTED: 'neutral',
}

/** A status. Its words carry the meaning; the color repeats it. */
export function Badge({ value, tone = tones[value] ?? 'neutral' }: { value: string; tone?: string }) {
  return <span class={`badge ${tone}`}>{wordsOf(value)}</span>
}

/** A time in the zone of the browser; the exact one on hover. */
export function Time({ at, none = 'Never' }: { at: string | null; none?: string }) {
  if (at === null) return <span class="quiet">{none}</span>
  const text = new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
  return (
    <time dateTime={at} title={at}>
      {text}
    </time>
  )
}

/** A failure, with what to do. */
export function FailureNotice({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <strong>{failure.title}</strong>
      {failure.issues.length === 0 ? (
        <p>{failure.message}</p>
      ) : (
        <ul class="plain">
          {failure.issues.map(({ path, message }) => (
            <li key={path + message}>
              {path !== '' && <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** What is shown instead of an empty list: why it is empty, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** A column of a table. On narrow screens each row becomes a block, with the names of its columns. */
export interface Column<Item> {
  readonly name: string
  readonly cell: (item: Item) => ComponentChildren
}

/** A table of items. */
export function Table<Item extends object>(options: {
  caption: string
  columns: readonly Column<Item>[]
  items: readonly Item[]
  keyOf: (item: Item) => string
}) {
  const { caption, columns, items, keyOf } = options
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: users without a mouse scroll wide tables with the arrow keys
    <section class="table" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {name === '' ? <span class="hidden">Actions</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)}>
              {columns.map(({ name, cell }) => (
                <td key={name} data-name={name}>
                  <div>{cell(item)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Shows what was loaded, while it loads, and why it could not be. */
export function Result<Data>({ of, children }: { of: Loaded<Data>; children: (data: Data) => ComponentChildren }) {
  const { data, failure, loading, reload } = of
  return (
    <div aria-busy={loading}>
      {failure && <FailureNotice failure={failure} retry={reload} />}
      {data !== null ? children(data) : loading && <p class="quiet loading">Loading…</p>}
    </div>
  )
}

/** A list with a button for its next page, or what is shown when it is empty. */
export function ItemList<Item extends object>(options: {
  list: List<Item>
  empty: ComponentChildren
  children: (items: readonly Item[]) => ComponentChildren
}) {
  const { list, empty, children } = options
  return (
    <Result of={list}>
      {(items) =>
        items.length === 0 ? (
          empty
        ) : (
          <>
            {children(items)}
            {list.hasMore && (
              <p class="more">
                <button type="button" onClick={list.more} disabled={list.loading}>
                  Show more
                </button>
              </p>
            )}
          </>
        )
      }
    </Result>
  )
}

/** Whether what is shown follows changes. */
export function Live({ state }: { state: LiveState }) {
  const [tone, text] =
    typeof state === 'object'
      ? ['bad', `No live changes: ${state.message}`]
      : (
          {
            connecting: ['neutral', 'Connecting…'],
            live: ['good', 'Live'],
            interrupted: ['bad', 'No live changes: the connection broke. Trying again…'],
            ended: ['bad', 'No live changes: the server ended them. Reload the page.'],
          } as const
        )[state]
  return (
    <span class={`live ${tone}`} role="status">
      {text}
    </span>
  )
}

/** A modal dialog. The browser holds the focus inside, closes it on Escape and returns the focus afterwards. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const opener = document.activeElement
    ref.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={close}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/** The handler of a form whose submission runs a function instead of a request of the browser. */
export const onSubmit = (act: () => Promise<unknown>) => (event: Event) => {
  event.preventDefault()
  void act()
}

/** The buttons of a form in a dialog. */
export function FormButtons(options: { submit: string; busy: boolean; close: () => void; danger?: boolean }) {
  const { submit, busy, close, danger = false } = options
  return (
    <div class="buttons">
      <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy} aria-busy={busy}>
        {submit}
      </button>
      <button type="button" onClick={close}>
        Cancel
      </button>
    </div>
  )
}

/** Asks before something that cannot be undone. `act` runs when the user confirms; the dialog stays open if it fails. */
export function Confirm(options: {
  title: string
  children: ComponentChildren
  action: string
  danger?: boolean
  act: () => Promise<void>
  close: () => void
}) {
  const { title, children, action, danger = true, act, close } = options
  const { busy, failure, run } = useAction()
  return (
    <Dialog title={title} close={close}>
      <form
        onSubmit={onSubmit(async () => {
          if (await run(act)) close()
        })}
      >
        {children}
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit={action} busy={busy} close={close} danger={danger} />
      </form>
    </Dialog>
  )
}

/** A labelled control. `issues` are those of the server about this field. */
export function Field(options: {
  label: string
  hint?: ComponentChildren
  children: (attributes: { id: string; 'aria-describedby'?: string }) => ComponentChildren
}) {
  const { label, hint, children } = options
  const id = useId()
  const hintId = `${id}-hint`
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(hint ? { id, 'aria-describedby': hintId } : { id })}
      {hint && (
        <p class="quiet" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  )
}

/** A choice of one value that a list is restricted to; '' for all. `options` are the values with their names. */
export function Filter(options: {
  label: string
  all?: string
  value: string | null | undefined
  options: readonly (readonly [value: string, name: string])[]
  choose: (value: string) => void
}) {
  const { label, all = 'All', value, choose } = options
  return (
    <label>
      {label}
      <select value={value ?? ''} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        {all !== '' && <option value="">{all}</option>}
        {options.options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** The values of a constant of the API, for a {@link Filter}. */
export const inWords = (values: readonly string[]) => values.map((value) => [value, wordsOf(value)] as const)

/** Checkboxes for some values of a set. */
export function Choices<Value extends string>(options: {
  legend: string
  hint?: ComponentChildren
  all: readonly { readonly value: Value; readonly text: ComponentChildren }[]
  chosen: readonly Value[]
  choose: (chosen: Value[]) => void
}) {
  const { legend, hint, all, chosen, choose } = options
  return (
    <fieldset>
      <legend>{legend}</legend>
      {hint && <p class="quiet">{hint}</p>}
      {all.map(({ value, text }) => (
        <label key={value} class="choice">
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={({ currentTarget }) =>
              choose(
                all
                  .map((each) => each.value)
                  .filter((each) => (each === value ? currentTarget.checked : chosen.includes(each))),
              )
            }
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  )
}

/** A value to copy, such as a redirect URI or a new secret. */
export function Copyable({ value, label }: { value: string; label: string }) {
  const { announce } = useSession()
  const ref = useRef<HTMLInputElement>(null)
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    ref.current?.select()
    try {
      await navigator.clipboard.writeText(value)
      setCopied(true)
      announce(`${label} copied.`)
    } catch {
      // Without https the browser offers no clipboard. The value is selected.
      announce(`Press Ctrl+C or ⌘C to copy the selected ${label.toLowerCase()}.`)
    }
  }
  return (
    <div class="copyable">
      <input
        ref={ref}
        readOnly
        value={value}
        aria-label={label}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <button type="button" onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}

/** A secret that the server returns only once. */
export function NewSecret({
  title,
  label,
  secret,
  done,
  children,
}: {
  title: string
  label: string
  secret: string
  done: () => void
  children?: ComponentChildren
}) {
  return (
    <Dialog title={title} close={done}>
      <p>
        Copy it now and store it as a secret of your application. <strong>It is shown only once.</strong>
      </p>
      <Copyable value={secret} label={label} />
      {children}
      <div class="buttons">
        <button type="button" class="primary" onClick={done}>
          Done
        </button>
      </div>
    </Dialog>
  )
}

/** JSON for people. */
export function Json({ value }: { value: unknown }) {
  return <pre>{JSON.stringify(value, null, 2)}</pre>
}

/** The items of a text field, separated by commas or lines. */
export const itemsOf = (text: string): string[] =>
  text
    .split(/[,\n]/)
    .map((item) => item.trim())
    .filter(Boolean)

/** The heading of a page. It takes the focus when the user comes to the page. */
export function Heading({ children, aside }: { children: ComponentChildren; aside?: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const title = ref.current?.textContent ?? ''
    document.title = `${title} · Valetkey`
    if (arrived) ref.current?.focus()
    arrived = true
  }, [])
  return (
    <div class="heading">
      <h1 ref={ref} tabIndex={-1}>
        {children}
      </h1>
      {aside}
    </div>
  )
}

/** Whether a page was shown before: the first one must not take the focus from the start of the document. */
let arrived = false
