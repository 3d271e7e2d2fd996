import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { RequestError } from '../client/errors.ts'
import { createTransport, type Transport, type TransportOptions } from '../client/transport.ts'
import { type Operation, type Scope, Viewer, type ViewerQuery } from './operations.ts'

/*
 * The operator's API key is held in the session storage of the tab: it survives a reload, ends with the tab, and no other
 * tab reads it. It is sent in the Authorization header only, and never becomes part of a URL.
 */
const storedAs = 'valetkey.console.apiKey'

export const storedKey = (): string | null => sessionStorage.getItem(storedAs)
export const storeKey = (key: string): void => sessionStorage.setItem(storedAs, key)
export const forgetKey = (): void => sessionStorage.removeItem(storedAs)

/** What the console does with an API key that the server accepts. */
export interface Session {
  readonly viewer: ViewerQuery['viewer']
  /** Whether this is the key with these first characters. */
  isKey(prefix: string): boolean
  /** Whether the key has a scope, itself or as a part of another one. */
  can(scope: Scope): boolean
  /** Runs a query or mutation. `once`: not again after a failure of the connection, because each time has an effect. */
  run<Result, Variables>(
    operation: Operation<Result, Variables>,
    variables: Variables,
    options?: { readonly signal?: AbortSignal; readonly once?: boolean },
  ): Promise<Result>
  /** Opens a subscription. `onOpen` runs when the server has accepted it: it misses nothing from then on. */
  watch<Result, Variables>(
    operation: Operation<Result, Variables>,
    variables: Variables,
    options: { readonly signal: AbortSignal; onOpen(): void },
  ): AsyncGenerator<Result, void, void>
  /** Forgets the key. `reason` is shown with the form that asks for another one. */
  signOut(reason?: string): void
  /** Shows a result, and reads it to users of screen readers. */
  announce(message: string): void
}

/** The scopes that include another one, except ADMIN, which includes all. */
const includedIn: { readonly [scope in Scope]?: Scope } = {
  ACCOUNTS_AUTHORIZE: 'ACCOUNTS_WRITE',
  ACCOUNTS_CONFIRM: 'ACCOUNTS_WRITE',
}

const transportFor = (apiKey: string, hooks: TransportOptions['hooks'] = {}): Transport =>
  createTransport({ url: new URL('graphql', document.baseURI).href, apiKey, timeoutMs: 65_000, hooks })

/** Asks the server about a key. Throws if it does not accept it. */
export async function signIn(apiKey: string): Promise<ViewerQuery['viewer']> {
  const { viewer } = await transportFor(apiKey).request<ViewerQuery>(Viewer, {}, { isWhole: true })
  if (viewer.identifier !== null) throw new Error('This is a user session. Enter an API key.')
  return viewer
}

/** Creates the session of a key. A request that the server refuses because of the key ends the session. */
export function createSession(
  apiKey: string,
  viewer: ViewerQuery['viewer'],
  { signOut, announce }: Pick<Session, 'signOut' | 'announce'>,
): Session {
  const transport = transportFor(apiKey)
  const endIfRefused = (error: unknown): never => {
    if (error instanceof RequestError && error.code === 'UNAUTHENTICATED') {
      signOut(`The server no longer accepts the API key: ${error.message}`)
    }
    throw error
  }
  return {
    viewer,
    isKey: (prefix) => apiKey.startsWith(prefix.replace(/…$/, '')),
    can: (scope) => [scope, includedIn[scope], 'ADMIN'].some((each) => viewer.scopes.includes(each as Scope)),
    run: (document, variables, options = {}) =>
      transport
        .request<never>(document, variables as Record<string, unknown>, { ...options, isWhole: true })
        .catch(endIfRefused),
    async *watch(document, variables, { signal, onOpen }) {
      const opening = transportFor(apiKey, { after: ({ status }) => void (status === 200 && onOpen()) })
      try {
        yield* opening.subscribe<never>(document, variables as Record<string, unknown>, { signal })
      } catch (error) {
        endIfRefused(error)
      }
    },
    signOut,
    announce,
  }
}

export const SessionContext = createContext<Session | null>(null)

/** The session of the component's tree. */
export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === null) throw new Error('A component outside of a session uses it.')
  return session
}
