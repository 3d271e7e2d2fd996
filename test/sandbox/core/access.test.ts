import { describe, expect, it } from 'vitest'
import { accessLevelOf, createGrantAccess } from '../../../src/sandbox/access.ts'
import { writeBulkContent } from '../../../src/sandbox/bulk.ts'
import { pickerTree, shareableRoots } from '../../../src/sandbox/consent/picker.ts'
import type { Client, Grant, Id } from '../../../src/sandbox/model.ts'
import { allCapabilities } from '../../../src/sandbox/model.ts'
import { writeSeedContent } from '../../../src/sandbox/seed-content.ts'
import { acme, globex, nthId, people, workspaces } from '../../../src/sandbox/seed-ids.ts'
import { createStore } from '../../../src/sandbox/store.ts'
import fc from '../../support/fast-check.ts'

const client: Client = {
  id: 'client',
  name: 'Test connection',
  secret: null,
  capabilities: allCapabilities,
  redirectUris: null,
}

function prepare(choice: { roots: readonly Id[]; excluded?: readonly Id[]; userId?: Id }, now = client) {
  const store = createStore()
  writeSeedContent(store)
  const userId = choice.userId ?? people.acmeOwner
  const workspaceId = store.users.get(userId)?.workspaceId ?? workspaces.acme
  const bot = { id: 'b07', type: 'bot', workspaceId, name: 'Bot', avatarUrl: null, ownerId: userId } as const
  const grant: Grant = {
    id: 'grant',
    clientId: client.id,
    userId,
    workspaceId,
    botId: bot.id,
    roots: choice.roots,
    excluded: choice.excluded ?? [],
    capabilities: allCapabilities,
    createdTime: 0,
  }
  store.users.put(bot)
  store.grants.put(grant)
  return { store, access: createGrantAccess(store, grant, now) }
}

const projectRow = nthId('ac3e0000', '8101', 1)

describe('visible content of a grant', () => {
  it('includes the selection and its descendants: databases, data sources, rows, blocks', () => {
    const { store, access } = prepare({ roots: [acme.product] })
    const rowBlock = store.pages.get(projectRow)?.children[0] ?? ''
    expect(store.blocks.get(rowBlock)).toBeDefined()
    for (const id of [acme.product, acme.projects, acme.projectsSource, projectRow, rowBlock]) {
      expect(access.canSee(id), id).toBe(true)
    }
  })

  it('excludes ancestors, siblings, other workspaces and missing content', () => {
    const { access } = prepare({ roots: [acme.projects, globex.home] })
    for (const id of [acme.product, acme.tasks, acme.roadmap, globex.home, globex.orders, 'no-such-id']) {
      expect(access.canSee(id), id).toBe(false)
    }
  })

  it('excludes selected content that the user cannot see', () => {
    const { access } = prepare({ roots: [acme.boardMinutes, acme.memberPrivate, acme.ownerPrivate] })
    expect([acme.boardMinutes, acme.memberPrivate, acme.ownerPrivate].map(access.canSee)).toEqual([false, false, true])
  })

  it('excludes removed content, and includes selected content below it', () => {
    const { access } = prepare({ roots: [acme.engineering, acme.failover], excluded: [acme.runbooks] })
    expect([acme.engineering, acme.runbooks, acme.failover].map(access.canSee)).toEqual([true, false, true])
  })

  it('is read-only where the user may only view', () => {
    const { access } = prepare({ roots: [acme.policies], userId: people.acmeMember })
    expect([access.canSee(acme.policies), access.canEdit(acme.policies)]).toEqual([true, false])
    expect(access.requireVisible('page', acme.policies)).toMatchObject({ id: acme.policies })
    expect(() => access.requireEditable('page', acme.policies)).toThrow('API token does not have access')
  })

  it('includes content that the connection creates at the top level', () => {
    const { store, access } = prepare({ roots: [] })
    access.addRoot(acme.handbook)
    expect(access.canSee(acme.handbook)).toBe(true)
    expect(store.grants.get('grant')?.roots).toEqual([acme.handbook])
  })
})

describe('lookup of a record', () => {
  it('throws the same error for missing, unshared and other kinds of content', () => {
    const { access } = prepare({ roots: [acme.product] })
    const messages = [acme.roadmap, acme.projects, '00000000-0000-4000-8000-000000000000'].map((id) => {
      try {
        access.requireVisible('page', id)
        return 'found'
      } catch (error) {
        return (error as Error).message.replace(id, 'ID')
      }
    })
    expect(new Set(messages)).toEqual(
      new Set([
        'Could not find page with ID: ID. Make sure the relevant pages and databases are shared with your connection "Test connection".',
      ]),
    )
  })

  it('finds pages and databases as blocks', () => {
    const { access } = prepare({ roots: [acme.product] })
    expect(access.requireVisible('block', acme.product)).toMatchObject({ id: acme.product })
    expect(access.requireVisible('block', acme.projects)).toMatchObject({ id: acme.projects })
    expect(() => access.requireVisible('block', acme.projectsSource)).toThrow('Could not find block')
  })
})

describe('capabilities of a grant', () => {
  it('are those of the consent that the client still has', () => {
    const { access } = prepare({ roots: [] }, { ...client, capabilities: ['READ_CONTENT', 'READ_USER_EMAILS'] })
    expect(() => access.requireCapability('READ_USERS')).not.toThrow()
    expect(() => access.requireCapability('UPDATE_CONTENT')).toThrow('Insufficient permissions for this endpoint.')
  })
})

describe('shareable content of a person', () => {
  it('is the top-level content with full access, without the trash', () => {
    const { store } = prepare({ roots: [] })
    expect(shareableRoots(store, people.acmeMember).sort()).toEqual(
      [acme.product, acme.roadmap, acme.meetingNotes, acme.handbook, acme.engineering, acme.memberPrivate].sort(),
    )
    expect(shareableRoots(store, people.globexOwner)).toEqual([globex.home, globex.roadmap])
    expect(accessLevelOf(store, people.globexOwner, acme.handbook)).toBe('none')
  })

  it('is shown as a tree of limited size without rows', () => {
    const { store } = prepare({ roots: [] })
    writeBulkContent(store, { number: 1, pages: 400, databases: 10, rows: 100, time: 0 })
    const { nodes, omitted } = pickerTree(store, people.acmeOwner)
    const titles = JSON.stringify(nodes)
    expect(titles).toContain('Customer research')
    expect(titles).not.toContain('Bulk row')
    expect(omitted).toBeGreaterThan(100)
  })
})

describe('cached walks', () => {
  it('return the same result in any order of checks', () => {
    const ids = Object.values(acme)
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...ids), { maxLength: 4 }),
        fc.array(fc.constantFrom(...ids), { maxLength: 3 }),
        fc.array(fc.constantFrom(...ids, projectRow), { maxLength: 20 }),
        (roots, excluded, questions) => {
          const { store, access } = prepare({ roots, excluded })
          const grant = store.grants.get('grant')
          if (!grant) throw new Error('the grant is missing')
          const fresh = (id: Id) => createGrantAccess(store, grant, client).canSee(id)
          expect(questions.map(access.canSee)).toEqual(questions.map(fresh))
        },
      ),
      { numRuns: 60 },
    )
  })
})
