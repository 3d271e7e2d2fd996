/*
 * `valetkey/react`: connects the account of the user of a page, with the token of a user session. Needs React 18 or newer.
 */
import {
  type ButtonHTMLAttributes,
  createElement,
  type ReactElement,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from 'react'
import type { AuthorizeOptions, ConnectedAccount, Connection } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** How the user gets to the provider. */
export interface ConnectOptions extends Omit<AuthorizeOptions, 'connectionName' | 'signal'> {
  /**
   * `popup`, the default, opens a window that closes when the account is connected; where the browser refuses one, the page
   * itself goes to the provider. `redirect` always does that: pass `returnUrl` to come back.
   */
  readonly mode?: 'popup' | 'redirect'
}

/** An account as a page shows it, and what its user can do. */
export interface ConnectedAccountState {
  /** Changes with the account. Null while loading, and as long as there is no account. */
  readonly account: ConnectedAccount | null
  readonly isLoading: boolean
  /** Whether the account can be used as it is. */
  readonly isConnected: boolean
  /** Whether the user is at the provider, in the window that `connect` opened and that is not closed. */
  readonly isConnecting: boolean
  /**
   * Why the account cannot be read, or why the last `connect` or `disconnect` failed. While it is not null, `account` may be
   * out of date. It is read again by itself, unless the server refuses the credential or the account does not exist.
   */
  readonly error: Error | null
  /** Sends the user to the provider. Call it in the handler of a click: browsers refuse windows otherwise. */
  connect(options?: ConnectOptions): Promise<void>
  disconnect(): Promise<void>
}

const firstPauseMs = 1_000
const maxPauseMs = 60_000

/** Codes of refusals that do not end by themselves: of the credential, and of an account that does not exist. */
const finalCodes: readonly unknown[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT']

/** Whether the same watch would fail again, also later. */
const isFinal = (reason: unknown) =>
  reason instanceof Error &&
  (reason.name === 'InvalidInputError' || ('code' in reason && finalCodes.includes(reason.code)))

const asError = (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason)))

/**
 * Follows the account of a user. `valetkey` must be the same object in each render, with the token of a user session as
 * `apiKey`; never pass an API key to a browser.
 */
export function useConnectedAccount(
  valetkey: Valetkey,
  identifier: string,
  { connectionName }: Connection = {},
): ConnectedAccountState {
  const [account, setAccount] = useState<ConnectedAccount | null>(null)
  const [isLoading, setLoading] = useState(true)
  const [error, setError] = useState<Error | null>(null)
  const [isConnecting, setConnecting] = useState(false)
  /** Increased to watch again: when an account was created, because what was watched before did not exist. */
  const [attempt, setAttempt] = useState(0)
  const isWatching = useRef(false)
  const popup = useRef<{ readonly window: Window; readonly authorizedAt: string | null } | null>(null)
  const connection = { connectionName }

  const followed = [valetkey, identifier, connectionName]
  const [shown, setShown] = useState(followed)
  // Not in an effect: for one render, components would get the account of another user as that of this one.
  if (shown.some((part, at) => part !== followed[at])) {
    setShown(followed)
    setAccount(null)
    setLoading(true)
    setError(null)
    setConnecting(false)
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt watches again; the connection is its name.
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    let timer: ReturnType<typeof setTimeout> | undefined
    let pauseMs = firstPauseMs
    const follow = async () => {
      let isShown = false
      try {
        for await (const current of valetkey.watch(identifier, { ...connection, signal })) {
          isShown = true
          pauseMs = firstPauseMs
          setAccount(current)
          setLoading(false)
          setError(null)
          if (current.status !== 'ACTIVE' || current.authorizedAt === popup.current?.authorizedAt) continue
          popup.current?.window.close()
          popup.current = null
          setConnecting(false)
        }
        if (signal.aborted) return
        setAccount(null)
        isWatching.current = false
      } catch (reason) {
        if (signal.aborted) return
        setError(asError(reason))
        // A credential that was accepted before may have been replaced: `apiKey` can be a function.
        isWatching.current = isShown || !isFinal(reason)
        if (!isWatching.current) return
        timer = setTimeout(() => void follow(), pauseMs * (0.5 + Math.random() / 2))
        pauseMs = Math.min(maxPauseMs, pauseMs * 2)
      } finally {
        if (!signal.aborted) setLoading(false)
      }
    }
    isWatching.current = true
    void follow()
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [valetkey, identifier, connectionName, attempt])

  const watchAgain = () => {
    if (!isWatching.current) setAttempt((count) => count + 1)
  }

  useEffect(() => {
    if (!isConnecting) return
    // Browsers report the end of a window in no other way.
    const timer = setInterval(() => {
      if (popup.current?.window.closed) setConnecting(false)
    }, 500)
    return () => clearInterval(timer)
  }, [isConnecting])

  const connect = async ({ mode = 'popup', ...options }: ConnectOptions = {}) => {
    // Opened before the link is known: after a wait, the browser no longer sees a click.
    const opened = mode === 'popup' ? window.open('', 'valetkey-connect', 'popup,width=520,height=720') : null
    try {
      setError(null)
      const { link } = await valetkey.authorize(identifier, { ...connection, ...options })
      if (opened === null) return window.location.assign(link)
      popup.current = { window: opened, authorizedAt: account?.authorizedAt ?? null }
      opened.location.replace(link)
      setConnecting(true)
      watchAgain()
    } catch (reason) {
      opened?.close()
      setError(asError(reason))
    }
  }

  const disconnect = async () => {
    try {
      setError(null)
      await valetkey.accounts.disconnect(identifier, connection)
      watchAgain()
    } catch (reason) {
      setError(asError(reason))
    }
  }

  const isConnected = account?.status === 'ACTIVE' && !account.needsReauthorization
  return { account, isLoading, isConnected, isConnecting, error, connect, disconnect }
}

/** Properties of {@link ConnectButton}. Others are those of a button. */
export interface ConnectButtonProps
  extends Connection,
    ConnectOptions,
    Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'children' | 'onClick'> {
  readonly valetkey: Valetkey
  readonly identifier: string
  /** What the button shows. Default: Connect, Connecting…, Connected, or Connect again. */
  readonly children?: ReactNode | ((state: ConnectedAccountState) => ReactNode)
}

/**
 * A button without a style of its own that connects an account. `data-status` has the status of the account, for style
 * sheets; it is empty without an account. Disabled while loading and when connected.
 */
export function ConnectButton({
  valetkey,
  identifier,
  connectionName,
  mode,
  returnUrl,
  state: applicationState,
  allowUserChange,
  expectedResources,
  children = label,
  disabled,
  ...button
}: ConnectButtonProps): ReactElement {
  const state = useConnectedAccount(valetkey, identifier, { connectionName })
  const options = { mode, returnUrl, state: applicationState, allowUserChange, expectedResources }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ConnectOptions
  return createElement(
    'button',
    {
      type: 'button',
      ...button,
      disabled: disabled || state.isLoading || state.isConnected,
      'data-status': state.account?.status ?? '',
      onClick: () => void state.connect(given),
    },
    typeof children === 'function' ? children(state) : children,
  )
}

function label({ account, isConnected, isConnecting }: ConnectedAccountState): string {
  if (isConnected) return 'Connected'
  if (isConnecting) return 'Connecting…'
  return account === null || account.status === 'PENDING' ? 'Connect' : 'Connect again'
}
