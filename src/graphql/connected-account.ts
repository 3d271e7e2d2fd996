import * as z from 'zod'
import type { AccountFilter } from '../accounts/account-filter.ts'
import { findAccount, findAccountsById } from '../accounts/account-store.ts'
import type { ConnectedAccount, GrantSummary, StatusTransition } from '../accounts/connected-account.ts'
import { listAccounts } from '../accounts/list-accounts.ts'
import { needsReauthorization, nextAction } from '../accounts/next-action.ts'
import { type AccountStatus, accountStatuses, type StatusReason, statusReasons } from '../accounts/status.ts'
import { actorDescription, publicId } from '../audit/audit-log.ts'
import { type IndexFacts, type IndexStatus, indexStatuses } from '../content-index/index-status.ts'
import type { Db } from '../db/database.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import { inputRules } from '../input-rules.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { afterField, cursorOf, firstField, pageComplexity, pageSize, sequenceCursor, toConnection } from './cursor.ts'
import { describedEnum } from './described-enum.ts'
import { connectionNameField, identifierField, ruled } from './input-fields.ts'
import { nodeById } from './loaders.ts'
import { selects } from './selected-fields.ts'
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
  description:
    'Workspace at the provider. The same for every account that is connected to it, so that caches may merge it.',
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
  }),
})

const ProviderUserRef = builder.objectRef<GrantSummary>('ProviderUser').implement({
  description:
    'User at the provider who consented. What is known depends on the consent, so that the type has no `id` by which caches merge objects.',
  fields: (t) => ({
    providerUserId: t.exposeString('providerUserId', { description: 'ID of the user at the provider.' }),
    name: t.exposeString('ownerName', { nullable: true, description: 'Name. Null if the provider returns none.' }),
    email: t.exposeString('ownerEmail', {
      nullable: true,
      description: 'Email address. Null without the capability READ_USER_EMAILS.',
    }),
  }),
})

const IndexStatusRef = describedEnum<IndexStatus>(
  'ContentIndexStatus',
  'State of the index of the content that an account can read.',
  indexStatuses,
)

const ContentIndexRef = builder.objectRef<IndexFacts>('ContentIndex').implement({
  description:
    'Encrypted index of the content that an account can read. Accounts of the same user and workspace share it.',
  fields: (t) => ({
    status: t.field({
      type: IndexStatusRef,
      description: 'Whether searches use the index.',
      resolve: ({ status }) => status,
    }),
    pages: t.exposeInt('pages', { description: 'Pages that the provider lists, as far as they were counted.' }),
    indexedPages: t.exposeInt('indexedPages', { description: 'Pages in the index.' }),
    lastCompletedAt: t.expose('lastCompletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which all pages were listed and read last. Null while the status is `BUILDING`.',
    }),
  }),
})

const transitionCursor = sequenceCursor('transitions')

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
export const ConnectedAccountRef = nodeById('ConnectedAccount', async ({ accounts }, viewer, ids) => {
  const found = await findAccountsById(accounts.db, viewer.environmentId, ids)
  return found.filter((account) => mayActOn(viewer, account))
})

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
      description: 'Workspace at the provider. Null until authorized.',
      resolve: ({ grant }) => (grant?.workspaceId ? grant : null),
    }),
    owner: t.field({
      type: ProviderUserRef,
      nullable: true,
      description: 'User at the provider who consented. Null until authorized.',
      resolve: ({ grant }) => (grant?.providerUserId ? grant : null),
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'What your application stores with the account. Also visible to user sessions of its identifier, which cannot change it.',
      resolve: (account) => account.metadata,
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
    contentIndex: t.field({
      type: ContentIndexRef,
      nullable: true,
      description:
        'Index of the content that the account can read. Null if the account is not ACTIVE, or `contentSearch` of its OAuth app is off.',
      resolve: ({ environmentId, id: accountId }, _args, { indexes }) => indexes.load({ environmentId, accountId }),
    }),
    transitions: t.field({
      type: StatusTransitionConnection,
      description:
        'Changes of status, newest first. The newest one is always stored, others for a year or as long as the server is configured.',
      args: {
        first: t.arg.int(firstField),
        after: t.arg.string(afterField(transitionCursor)),
      },
      complexity: pageComplexity,
      resolve: async ({ environmentId, id: accountId }, args, context) => {
        const size = pageSize(args)
        const [before] = transitionCursor.decode(context, args.after) ?? [null]
        const found = await context.transitions.load({ environmentId, accountId, limit: size + 1, before })
        return toConnection(found, size, args.after, ({ sequence }) => transitionCursor.encode(context, [sequence]))
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
    actor: t.string({
      nullable: true,
      description: `Who caused the change. ${actorDescription} Null if unknown: an earlier release recorded no actor.`,
      resolve: ({ actor }) => actor && publicId(actor),
    }),
    connectedAccount: t.field({
      type: ConnectedAccountRef,
      description: 'Account in its current state.',
      resolve: (transition, _args, context) =>
        'account' in transition ? transition.account : ConnectedAccountRef.require(context, transition.accountId),
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
    identifier: t.string(
      ruled(inputRules.identifier, 'Your own ID of the user: their accounts under all connections.'),
    ),
    identifierPrefix: t.string(ruled(inputRules.identifierPrefix, 'Start of the identifier.')),
    status: t.field({ type: [AccountStatusRef], description: 'Accepted statuses.' }),
    metadata: t.field({
      type: 'JSONObject',
      ...ruled(
        inputRules.accountMetadata,
        'What the metadata contains: every key with an equal value. An object contains other members as well, a list other items.',
      ),
    }),
    workspaceId: t.string(ruled(inputRules.workspaceId, 'ID of the workspace at the provider.')),
    workspaceName: t.string(
      ruled(inputRules.workspaceName, 'Start of the name of the workspace, in upper or lower case.'),
    ),
    ownerEmail: t.string(
      ruled(inputRules.ownerEmail, 'Start of the email address of the user at the provider, in upper or lower case.'),
    ),
  }),
})

/** Cursors of the list of accounts: creation time and ID. */
const accountCursor = cursorOf('connectedAccounts', z.tuple([z.iso.datetime(), z.uuid()]))

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
      const [createdAt, id] = accountCursor.decode(context, args.after) ?? []
      const after = createdAt === undefined || id === undefined ? null : { createdAt: new Date(createdAt), id }
      const page = { limit: size + 1, after }
      const filter = filterWithin(viewer, args.filter ?? {})
      const list = (db: Db) => (filter ? listAccounts(db, viewer.environmentId, filter, page) : Promise.resolve([]))
      const found = await (filter?.identifier == null ? context.lists.read(list) : list(context.accounts.db))
      return toConnection(found, size, args.after, (account) =>
        accountCursor.encode(context, [account.createdAt.toISOString(), account.id]),
      )
    },
  }),
}))

builder.subscriptionFields((t) => ({
  connectedAccountStatus: t.field({
    type: ConnectedAccountRef,
    description:
      'Emits the account immediately and again after every change, whichever node made it. If the selection has `contentIndex`, another status of the index is emitted at once and its numbers every few seconds. The account must exist. The stream ends when the account is deleted or the credential expires.',
    authScopes: access('Subscription.connectedAccountStatus'),
    args: {
      connectionName: t.arg.string(connectionNameField),
      identifier: t.arg.string(identifierField),
    },
    subscribe: (_root, args, context, info) =>
      context.watch.account(viewerOf(context), args, { withIndex: selects(info, 'contentIndex') }),
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

/** The filter that a viewer may use: within its narrowing, and its own identifier. Null if it can match nothing. */
function filterWithin(viewer: Viewer, filter: AccountFilter): AccountFilter | null {
  const { identifier, narrowing } = viewer
  if (!mayActOn(viewer, filter)) return null
  return { ...filter, identifier: filter.identifier ?? identifier, within: narrowing }
}
