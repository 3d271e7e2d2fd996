import { endable } from './abort.ts'
import { AccountNotFoundError } from './errors.ts'
import { inputErrorFields, mutate, mutateObject } from './mutation.ts'
import type { Transport } from './transport.ts'
import type { AccountFilter, Cancellable, ConnectedAccount, Connection, Metadata } from './types.ts'

/** What a client reads of an account. */
export const accountFields =
  'id connectionName identifier status statusReason needsReauthorization nextAction workspace{name iconUrl}metadata createdAt authorizedAt lastUsedAt'

/** Returns a document with a field of one account, which the variables name; with other types, of several. */
export const ofAccount = (
  operation: string,
  field: string,
  selection: string,
  connectionType = 'String!="notion"',
  identifierType = 'String!',
) =>
  `${operation}($connectionName:${connectionType},$identifier:${identifierType}){${field}(connectionName:$connectionName,identifier:$identifier){${selection}}}`

interface AccountPage {
  readonly nodes: readonly ConnectedAccount[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string }
}

/** Operations on the accounts of your users. */
export class Accounts {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Returns the user's account, created if it does not exist. Safe to call on every page load. `metadata` is stored if the
   * call creates the account; that of an existing one does not change.
   */
  getOrCreate(
    identifier: string,
    options: { readonly metadata?: Metadata } & Connection & Cancellable = {},
  ): Promise<ConnectedAccount> {
    return this.#change('getOrCreate', identifier, options, inputErrorFields)
  }

  /** Replaces the metadata of the user's account as a whole. */
  update(
    identifier: string,
    change: { readonly metadata: Metadata },
    options: Connection & Cancellable = {},
  ): Promise<ConnectedAccount> {
    return this.#change('update', identifier, { ...options, ...change }, inputErrorFields)
  }

  /** Returns the user's account, or null. */
  get(identifier: string, { connectionName, signal }: Connection & Cancellable = {}) {
    return this.#transport.request<ConnectedAccount | null>(
      ofAccount('query Account', 'connectedAccount', accountFields),
      { identifier, connectionName },
      { signal, orNull: true },
    )
  }

  /** Yields all accounts that match, newest first, and reads pages of 100 as they are needed. */
  list({ signal: caller, ...filter }: AccountFilter & Cancellable = {}): AsyncGenerator<ConnectedAccount, void, void> {
    const transport = this.#transport
    return endable(caller, async function* (signal) {
      let after: string | undefined
      do {
        const { nodes, pageInfo }: AccountPage = await transport.request(
          `query Accounts($after:String,$filter:ConnectedAccountFilter){connectedAccounts(first:100,after:$after,filter:$filter){nodes{${accountFields}}pageInfo{hasNextPage endCursor}}}`,
          { after, filter },
          { signal },
        )
        yield* nodes
        after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined
      } while (after)
    })
  }

  /** Asks the provider whether the credentials work, and renews them if not. */
  refresh(identifier: string, options: Connection & Cancellable = {}): Promise<ConnectedAccount> {
    return this.#change('refresh', identifier, options)
  }

  /** Revokes the access at the provider and erases the tokens. */
  disconnect(identifier: string, options: Connection & Cancellable = {}): Promise<ConnectedAccount> {
    return this.#change('disconnect', identifier, options)
  }

  /** Disconnects the account and deletes it with its history. Does nothing if it does not exist. */
  async delete(identifier: string, { signal, ...connection }: Connection & Cancellable = {}): Promise<void> {
    try {
      await mutate(this.#transport, 'deleteConnectedAccount', { identifier, ...connection }, 'deletedId', { signal })
    } catch (error) {
      if (!(error instanceof AccountNotFoundError)) throw error
    }
  }

  /** Imports tokens that another system obtained with the same OAuth app. */
  import(
    identifier: string,
    tokens: { accessToken: string; refreshToken?: string; allowUserChange?: boolean },
    options: Connection & Cancellable = {},
  ): Promise<ConnectedAccount> {
    return this.#change('import', identifier, { ...options, ...tokens }, inputErrorFields)
  }

  /** Runs the mutation field `<verb>ConnectedAccount`. */
  #change(
    verb: string,
    identifier: string,
    { signal, ...input }: Cancellable,
    failure?: string,
  ): Promise<ConnectedAccount> {
    const field = `${verb}ConnectedAccount`
    return mutateObject(this.#transport, field, { identifier, ...input }, 'connectedAccount', accountFields, {
      failure,
      signal,
    })
  }
}
