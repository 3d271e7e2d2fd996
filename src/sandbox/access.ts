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

/** Decides the access to content: whether the grant includes it, and the rule of the closest ancestor that has one. */
interface Sharing {
  readonly shared: boolean
  readonly rule: Access | null
}

/** What a user picked. The closest entry wins: content below a root can be excluded, and picked again further down. */
interface Choice {
  readonly roots: ReadonlySet<Id>
  readonly excluded: ReadonlySet<Id>
}

const choiceOf = (grant: Grant): Choice => ({ roots: new Set(grant.roots), excluded: new Set(grant.excluded) })
const noChoice: Choice = { roots: new Set(), excluded: new Set() }

const nowhere: Sharing = { shared: false, rule: { everyone: 'none', users: {} } }
const top: Sharing = { shared: false, rule: null }

function parentIdOf(resource: Resource): Id | undefined {
  if ('databaseId' in resource) return resource.databaseId
  return resource.parent.type === 'workspace' ? undefined : resource.parent.id
}

const ruleOf = (resource: Resource) => ('access' in resource ? resource.access : null)

/**
 * Walks from content up to the workspace and returns how it is shared. Content with a missing ancestor or a cycle is
 * not shared.
 *
 * `remembered` caches earlier walks over the same state. A caller that checks many siblings reuses it.
 */
function sharingOf(store: Store, choice: Choice, id: Id, remembered: Map<Id, Sharing>): Sharing {
  const walked: Resource[] = []
  const seen = new Set<Id>()
  let sharing = top
  for (let next: Id | undefined = id; next !== undefined; ) {
    const known = remembered.get(next)
    if (known) {
      sharing = known
      break
    }
    const resource = store.find(next)
    if (!resource || seen.has(next)) {
      sharing = nowhere
      break
    }
    seen.add(next)
    walked.push(resource)
    next = parentIdOf(resource)
  }
  const reachesTop = sharing !== nowhere
  for (const resource of walked.reverse()) {
    if (!reachesTop) break
    sharing = {
      shared: choice.roots.has(resource.id) || (sharing.shared && !choice.excluded.has(resource.id)),
      rule: ruleOf(resource) ?? sharing.rule,
    }
    // Rows are leaves: an entry for each row costs more than the one step that it saves.
    if (!('properties' in resource && 'children' in resource && resource.parent.type === 'data_source_id')) {
      remembered.set(resource.id, sharing)
    }
  }
  return sharing
}

const levelUnder = (rule: Access | null, userId: Id): AccessLevel =>
  rule ? (rule.users[userId] ?? rule.everyone) : 'full'

/** Returns a user's access level for content of their own workspace, and `none` for all other or missing content. */
export function accessLevelOf(store: Store, userId: Id, id: Id): AccessLevel {
  const resource = store.find(id)
  if (!resource || store.users.get(userId)?.workspaceId !== resource.workspaceId) return 'none'
  return levelUnder(sharingOf(store, noChoice, id, new Map()).rule, userId)
}

/**
 * Creates the access of a grant for one call. The current capabilities of `client` limit those of the grant.
 *
 * Throws an Error when the user, bot or workspace of the grant does not exist.
 */
export function createGrantAccess(store: Store, grant: Grant, client: Client): GrantAccess {
  const user = store.users.get(grant.userId)
  const bot = store.users.get(grant.botId)
  const workspace = store.workspaces.get(grant.workspaceId)
  if (user?.type !== 'person' || bot?.type !== 'bot' || !workspace) {
    throw new Error(`grant ${grant.id} refers to a user, bot or workspace that does not exist`)
  }
  const person = user
  let current = grant
  let choice = choiceOf(grant)
  let remembered = new Map<Id, Sharing>()
  const capabilities = new Set(grant.capabilities.filter((capability) => client.capabilities.includes(capability)))

  function levelOf(id: Id): AccessLevel {
    const resource = store.find(id)
    if (resource?.workspaceId !== grant.workspaceId) return 'none'
    const sharing = sharingOf(store, choice, id, remembered)
    return sharing.shared ? levelUnder(sharing.rule, person.id) : 'none'
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
