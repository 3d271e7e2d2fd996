import { acmeContent } from './seed-acme.ts'
import { globexContent } from './seed-globex.ts'
import { people, workspaces } from './seed-ids.ts'
import type { Store } from './store.ts'

const maxFileUploadSizeInBytes = 20 * 1024 * 1024

/** Creation time of the oldest content. It is fixed, so that every sandbox starts with the same content. */
const start = Date.UTC(2026, 5, 1, 9)

/** Writes the initial content into an empty store: two workspaces with people, pages and databases. */
export function writeSeedContent(store: Store): void {
  store.workspaces.put({
    id: workspaces.acme,
    name: 'Acme',
    icon: 'https://example.com/acme.png',
    maxFileUploadSizeInBytes,
    customEmojis: [
      { id: 'ac3e0000-0000-4000-8000-0000000000e1', name: 'acme', url: 'https://example.com/emojis/acme.png' },
      { id: 'ac3e0000-0000-4000-8000-0000000000e2', name: 'shipit', url: 'https://example.com/emojis/shipit.png' },
    ],
  })
  store.workspaces.put({ id: workspaces.globex, name: 'Globex', icon: null, maxFileUploadSizeInBytes })
  const inAcme = { type: 'person', workspaceId: workspaces.acme, avatarUrl: null, canConsent: true } as const
  const inGlobex = { ...inAcme, workspaceId: workspaces.globex }
  store.users.put({ ...inAcme, id: people.acmeOwner, name: 'Olivia Owner', email: 'owner@acme.test' })
  store.users.put({ ...inAcme, id: people.acmeMember, name: 'Milo Member', email: 'member@acme.test' })
  store.users.put({
    ...inAcme,
    id: people.acmeChair,
    name: 'Carla Chair',
    email: 'chair@acme.test',
    canConsent: false,
  })
  store.users.put({ ...inGlobex, id: people.globexOwner, name: 'Gwen Globex', email: 'owner@globex.test' })
  store.users.put({ ...inGlobex, id: people.globexMember, name: 'Gus Globex', email: 'member@globex.test' })
  acmeContent(store, start)
  globexContent(store, start)
}
