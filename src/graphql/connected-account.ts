import { z } from 'zod'
import { type AccountFilter, findAccount, findAccountsById, listAccounts } from '../accounts/account-store.ts'
import type { ConnectedAccount, GrantSummary, StatusTransition } from '../accounts/connected-account.ts'
import { needsReauthorization, nextAction } from '../accounts/next-action.ts'
import { type AccountStatus, accountStatuses, type StatusReason, statusReasons } from '../accounts/status.ts'
import type { Db } from '../db/database.ts'
import type { Viewer } from '../environments/viewer.ts'
import { inputRules } from '../input-rules.ts'
import { uuidPattern } from '../uuid.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { afterField, cursorOf, firstField, pageComplexity, pageSize, sequenceCursor, toConnection } from './cursor.ts'
import { describedEnum } from './described-enum.ts'
import { connectionNameField, identifierField, ruled } from './input-fields.ts'
import { loadById } from './loaders.ts'
import { viewerOf } from './viewer.ts'
import type { WatchedTransition } from './watch.ts'

/** The GraphQL enum of {@link AccountStatus}. */
export const AccountStatusRef = describedEnum<AccountStatus>(
  'ConnectedAccountStatus',
  'State of a connected account.',
  accountStatuses,
)

/** The GraphQL enum of {@link StatusReason}. */
export const StatusReasonRef = describedEnum<StatusReason>(
  'StatusReason',
  'Reason for the status of an account.',
  statusReasons,
)

const WorkspaceRef = builder.objectRef<GrantSummary>('Workspace').implement({
  description: 'Workspace at the provider that an account is connected to, and the user who consented.',
  fields: (t) => ({
    id: t.id({ description: 'ID of the workspace at the provider.', resolve: (grant) => grant.workspaceId }),
    name: t.string({
      nullable: true,
      description: 'Name of the workspace. Null if the provider returns none.',
      resolve: (grant) => grant.workspaceName,
    }),
    iconUrl: t.string({
      nullable: true,
      description: 'Icon of the workspace: a URL or an emoji. Null if it has none.',
      resolve: (grant) => grant.workspaceIconUrl,
    }),
    ownerName: t.exposeString('ownerName', {
      nullable: true,
      description: 'Name of the user who consented. Null if the provider returns none.',
    }),
    ownerEmail: t.exposeString('ownerEmail', {
      nullable: true,
      description: 'Email address of that user. Null without the capability READ_USER_EMAILS.',
    }),
  }),
})

const StatusTransitionRef = builder.objectRef<StatusTransition | WatchedTransition>('StatusTransition')

const StatusTransitionEdge = builder.edgeObject({
  type: StatusTransitionRef,
  name: 'StatusTransitionEdge',
  description: 'Change of status in a list.',
})

const StatusTransitionConnection = builder.connectionObject(
  { type: StatusTransitionRef, name: 'StatusTransitionConnection', description: 'Changes of status, newest first.' },
  StatusTransitionEdge,
)

/** The account of one user of the application at a provider. Other files add fields to it. */
export const ConnectedAccountRef = builder.loadableNodeRef(
  'ConnectedAccount',
  loadById(async ({ accounts }, { environmentId, identifier }, ids) => {
    const found = await findAccountsById(accounts.db, environmentId, ids)
    return found.filter((account) => identifier === null || account.identifier === identifier)
  }),
)

ConnectedAccountRef.implement({
  description:
    'Account of one of your users at a provider. Its connectionName and its identifier, any string of your own, are unique together.',
  fields: (t) => ({
    connectionName: t.exposeString('connectionName', { description: 'Connection name of its OAuth app.' }),
    identifier: t.exposeString('identifier', { description: 'Your own ID of the user.' }),
    status: t.field({
      type: AccountStatusRef,
      description: 'Whether tools can be run, and if not, what is missing.',
      resolve: (account) => account.status,
    }),
    statusReason: t.field({
      type: StatusReasonRef,
      description: 'Reason for the status.',
      resolve: (account) => account.statusReason,
    }),
    nextAction: t.string({
      nullable: true,
      description: 'What your application should do next, as text for people. Null if nothing is needed.',
      resolve: (account) => nextAction(account),
    }),
    needsReauthorization: t.boolean({
      description:
        'Whether the credentials work but lack something that requires a new consent (changed capabilities, missing pages).',
      resolve: (account) => needsReauthorization(account),
    }),
    workspace: t.field({
      type: WorkspaceRef,
      nullable: true,
      description: 'Workspace and user at the provider. Null until authorized.',
      resolve: ({ grant }) => (grant?.workspaceId ? grant : null),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time of creation.' }),
    authorizedAt: t.expose('authorizedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time of the last completed authorization. Null if never authorized.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which a tool last ran for the account. Null if never.',
    }),
    lastVerifiedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the provider last accepted the credentials. Null if never.',
      resolve: (account) => account.grant?.lastVerifiedAt ?? null,
    }),
    tokenExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the access token expires, as announced by the provider or estimated from earlier tokens. Null if unknown.',
      resolve: (account) => account.grant?.expiresAt ?? null,
    }),
    transitions: t.field({
      type: StatusTransitionConnection,
      description: 'Changes of status, newest first.',
      args: {
        first: t.arg.int(firstField),
        after: t.arg.string(afterField(sequenceCursor)),
      },
      complexity: pageComplexity,
      resolve: async ({ environmentId, id: accountId }, args, { transitions }) => {
        const size = pageSize(args)
        const [before] = sequenceCursor.decode(args.after) ?? [null]
        const found = await transitions.load({ environmentId, accountId, limit: size + 1, before })
        return toConnection(found, size, args.after, ({ sequence }) => sequenceCursor.encode([sequence]))
      },
    }),
  }),
})

StatusTransitionRef.implement({
  description: 'Change of the status of an account.',
  fields: (t) => ({
    from: t.field({
      type: AccountStatusRef,
      nullable: true,
      description: 'Previous status. Null for the creation of the account.',
      resolve: (transition) => transition.from,
    }),
    to: t.field({ type: AccountStatusRef, description: 'New status.', resolve: (transition) => transition.to }),
    reason: t.field({
      type: StatusReasonRef,
      description: 'Reason for the change.',
      resolve: (transition) => transition.reason,
    }),
    at: t.expose('at', { type: 'DateTime', description: 'Time of the change, by the clock of the database.' }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'Account in its current state.',
      resolve: (transition) => ('account' in transition ? transition.account : transition.accountId),
    }),
  }),
})

const ConnectedAccountConnection = builder.connectionObject(
  { type: ConnectedAccountRef, name: 'ConnectedAccountConnection', description: 'Accounts, newest first.' },
  builder.edgeObject({
    type: ConnectedAccountRef,
    name: 'ConnectedAccountEdge',
    description: 'Account in a list.',
  }),
)

/** Limits which accounts are listed or watched. */
export const ConnectedAccountFilterRef = builder.inputType('ConnectedAccountFilter', {
  description: 'Selects the accounts that match all fields that are set.',
  fields: (t) => ({
    connectionName: t.string(ruled(inputRules.connectionName, 'Connection name of the OAuth app.')),
    identifier: t.string(ruled(inputRules.identifier, 'Your own ID of the user.')),
    status: t.field({ type: [AccountStatusRef], description: 'Accepted statuses.' }),
  }),
})

/** Cursors of the list of accounts: creation time and ID. Postgres has no year 0. */
const accountCursor = cursorOf(
  z.tuple([z.iso.datetime().refine((time) => !time.startsWith('0000')), z.string().regex(uuidPattern)]),
)

builder.queryFields((t) => ({
  connectedAccount: t.field({
    type: ConnectedAccountRef,
    nullable: true,
    description: 'Returns the account with this connection name and identifier. Null if it does not exist.',
    authScopes: access('Query.connectedAccount'),
    args: {
      connectionName: t.arg.string(connectionNameField),
      identifier: t.arg.string(identifierField),
    },
    resolve: (_root, args, context) => findAccount(context.accounts.db, viewerOf(context).environmentId, args),
  }),
  connectedAccounts: t.field({
    type: ConnectedAccountConnection,
    description: 'Lists accounts, newest first. A user session lists those of its own identifier.',
    authScopes: access('Query.connectedAccounts'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(accountCursor)),
      filter: t.arg({ type: ConnectedAccountFilterRef, description: 'Accounts to list. Default: all.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const viewer = viewerOf(context)
      const size = pageSize(args)
      const [createdAt, id] = accountCursor.decode(args.after) ?? []
      const after = createdAt === undefined || id === undefined ? null : { createdAt: new Date(createdAt), id }
      const page = { limit: size + 1, after }
      const filter = filterWithin(viewer, args.filter ?? {})
      const list = (db: Db) => (filter ? listAccounts(db, viewer.environmentId, filter, page) : Promise.resolve([]))
      const found = await (filter?.identifier == null ? context.lists.read(list) : list(context.accounts.db))
      return toConnection(found, size, args.after, (account) =>
        accountCursor.encode([account.createdAt.toISOString(), account.id]),
      )
    },
  }),
}))

builder.subscriptionFields((t) => ({
  connectedAccountStatus: t.field({
    type: ConnectedAccountRef,
    description:
      'Emits the account immediately and again after every change, whichever node made it. The account must exist. The stream ends when the account is deleted or the credential expires.',
    authScopes: access('Subscription.connectedAccountStatus'),
    args: {
      connectionName: t.arg.string(connectionNameField),
      identifier: t.arg.string(identifierField),
    },
    subscribe: (_root, args, context) => context.watch.account(viewerOf(context), args),
    resolve: (account: ConnectedAccount) => account,
  }),
  connectedAccountStatusChanges: t.field({
    type: StatusTransitionRef,
    description: 'Emits every change of status in the environment from now on.',
    authScopes: access('Subscription.connectedAccountStatusChanges'),
    args: { filter: t.arg({ type: ConnectedAccountFilterRef, description: 'Accounts to watch. Default: all.' }) },
    subscribe: (_root, args, context) => context.watch.changes(viewerOf(context), args.filter ?? {}),
    resolve: (transition: WatchedTransition) => transition,
  }),
}))

/** The filter that a user session may use: for its own identifier. Null if it names another one, which matches nothing. */
function filterWithin({ identifier }: Viewer, filter: AccountFilter): AccountFilter | null {
  if (identifier === null) return filter
  return (filter.identifier ?? identifier) === identifier ? { ...filter, identifier } : null
}
