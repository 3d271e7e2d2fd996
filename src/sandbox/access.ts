import type { GrantAccess, Resources } from './context.ts'
import { insufficientPermissions, objectNotFound, restrictedResource } from './errors.ts'
import type {
  Access,
  AccessLevel,
  Block,
  Bot,
  Capability,
  Client,
  Database,
  DataSource,
  Grant,
  Id,
  Page,
} from './model.ts'
import type { Store } from './store.ts'

type Resource = Page | Block | Database | DataSource

/** What decides about content: the closest ancestor with a rule of its own, and whether any ancestor was picked. */
interface Standing {
  readonly shared: boolean
  readonly rule: Access | null
}

/** What a person picked. The closest decision counts: below a root, content can be excluded, and picked again below that. */
interface Choice {
  readonly roots: ReadonlySet<Id>
  readonly excluded: ReadonlySet<Id>
}

const choiceOf = (grant: Grant): Choice => ({ roots: new Set(grant.roots), excluded: new Set(grant.excluded) })
const noChoice: Choice = { roots: new Set(), excluded: new Set() }

const nowhere: Standing = { shared: false, rule: { everyone: 'none', users: {} } }
const top: Standing = { shared: false, rule: null }

function parentIdOf(resource: Resource): Id | undefined {
  if ('databaseId' in resource) return resource.databaseId
  return resource.parent.type === 'workspace' ? undefined : resource.parent.id
}

const ruleOf = (resource: Resource) => ('access' in resource ? resource.access : null)

/**
 * Where content stands, by walking up to the workspace. Content without a complete line of ancestors stands nowhere.
 *
 * @param remembered results of earlier walks over the same state, for callers that ask about many siblings
 */
function standingOf(store: Store, choice: Choice, id: Id, remembered: Map<Id, Standing>): Standing {
  const walked: Resource[] = []
  const seen = new Set<Id>()
  let standing = top
  for (let next: Id | undefined = id; next !== undefined; ) {
    const known = remembered.get(next)
    if (known) {
      standing = known
      break
    }
    const resource = store.find(next)
    if (!resource || seen.has(next)) {
      standing = nowhere
      break
    }
    seen.add(next)
    walked.push(resource)
    next = parentIdOf(resource)
  }
  const reachesTop = standing !== nowhere
  for (const resource of walked.reverse()) {
    if (!reachesTop) break
    standing = {
      shared: choice.roots.has(resource.id) || (standing.shared && !choice.excluded.has(resource.id)),
      rule: ruleOf(resource) ?? standing.rule,
    }
    // Rows are leaves: remembering each would cost more than the one step that it saves.
    if (!('properties' in resource && 'children' in resource && resource.parent.type === 'data_source_id')) {
      remembered.set(resource.id, standing)
    }
  }
  return standing
}

const levelUnder = (rule: Access | null, userId: Id): AccessLevel =>
  rule ? (rule.users[userId] ?? rule.everyone) : 'full'

/** What a person may do with content in their own workspace; `none` for content of another one or that does not exist. */
export function accessLevelOf(store: Store, userId: Id, id: Id): AccessLevel {
  const resource = store.find(id)
  if (!resource || store.users.get(userId)?.workspaceId !== resource.workspaceId) return 'none'
  return levelUnder(standingOf(store, noChoice, id, new Map()).rule, userId)
}

/**
 * The rights of a grant for the length of one call.
 *
 * @param client the client as it is now; its capabilities limit those of the grant
 */
export function createGrantAccess(store: Store, grant: Grant, client: Client): GrantAccess {
  const user = store.users.get(grant.userId)
  const bot = store.users.get(grant.botId)
  const workspace = store.workspaces.get(grant.workspaceId)
  if (user?.type !== 'person' || bot?.type !== 'bot' || !workspace) {
    throw new Error(`grant ${grant.id} points to a user, bot or workspace that does not exist`)
  }
  const person = user
  let current = grant
  let choice = choiceOf(grant)
  let remembered = new Map<Id, Standing>()
  const capabilities = new Set(grant.capabilities.filter((capability) => client.capabilities.includes(capability)))

  function levelOf(id: Id): AccessLevel {
    const resource = store.find(id)
    if (resource?.workspaceId !== grant.workspaceId) return 'none'
    const standing = standingOf(store, choice, id, remembered)
    return standing.shared ? levelUnder(standing.rule, person.id) : 'none'
  }
  const canSee = (id: Id) => levelOf(id) !== 'none'
  const canEdit = (id: Id) => levelOf(id) === 'full'

  const lookUp: { [K in keyof Resources]: (id: Id) => Resources[K] | undefined } = {
    page: (id) => store.pages.get(id),
    block: (id) => store.blocks.get(id) ?? store.pages.get(id) ?? store.databases.get(id),
    database: (id) => store.databases.get(id),
    'data source': (id) => store.dataSources.get(id),
  }
  function requireVisible<K extends keyof Resources>(kind: K, id: Id): Resources[K] {
    const found = lookUp[kind](id)
    if (!found || !canSee(id)) throw objectNotFound(kind, id, client.name)
    return found
  }

  return {
    get grant() {
      return current
    },
    client,
    user: person,
    bot: bot satisfies Bot,
    workspace,
    capabilities,
    requireCapability(capability: Capability) {
      const enough =
        capabilities.has(capability) || (capability === 'READ_USERS' && capabilities.has('READ_USER_EMAILS'))
      if (!enough) throw insufficientPermissions()
    },
    canSee,
    canEdit,
    requireVisible,
    requireEditable(kind, id) {
      const found = requireVisible(kind, id)
      if (!canEdit(id)) throw restrictedResource()
      return found
    },
    addRoot(id) {
      current = { ...current, roots: [...current.roots, id] }
      store.grants.put(current)
      choice = choiceOf(current)
      remembered = new Map()
    },
  }
}
