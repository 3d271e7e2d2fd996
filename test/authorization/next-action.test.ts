import { describe, expect, it } from 'vitest'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { needsReauthorization, nextAction } from '../../src/accounts/next-action.ts'
import { type AccountStatus, accountStatuses, type StatusReason, statusReasons } from '../../src/accounts/status.ts'

const active: ConnectedAccount = {
  id: 'a',
  environmentId: 'e',
  oauthAppId: 'o',
  connectionName: 'notion',
  connector: 'notion',
  sandbox: false,
  appCapabilities: ['READ_CONTENT', 'READ_USERS'],
  appScopes: [],
  appRawRequests: false,
  appContentSearch: false,
  appToolPolicy: null,
  appRejection: null,
  identifier: 'ann',
  status: 'ACTIVE',
  statusReason: 'AUTHORIZED',
  missingResources: [],
  metadata: {},
  createdAt: new Date(0),
  authorizedAt: new Date(0),
  lastUsedAt: null,
  binding: null,
  grant: {
    id: 'g',
    version: 1,
    providerUserId: 'user',
    workspaceId: 'w',
    workspaceName: null,
    workspaceIconUrl: null,
    ownerName: null,
    ownerEmail: null,
    capabilities: ['READ_CONTENT', 'READ_USERS'],
    deniedCapabilities: [],
    requestedScopes: [],
    scopes: [],
    issuedAt: new Date(0),
    expiresAt: null,
    lastVerifiedAt: null,
  },
}
const withGrant = (grant: Partial<NonNullable<ConnectedAccount['grant']>>): ConnectedAccount => ({
  ...active,
  grant: active.grant && { ...active.grant, ...grant },
})

describe('an ACTIVE account', () => {
  it('needs nothing when it lacks nothing', () => {
    expect([needsReauthorization(active), nextAction(active)]).toEqual([false, null])
  })

  it('needs a new consent when a capability was removed from its OAuth app, and names it', () => {
    const fewer: ConnectedAccount = { ...active, appCapabilities: ['READ_CONTENT'] }
    expect(needsReauthorization(fewer)).toBe(true)
    expect(nextAction(fewer)).toContain('READ_USERS')
  })

  it('needs a new consent when a capability was added to its OAuth app, and names it', () => {
    const account = withGrant({ capabilities: ['READ_USERS'] })
    expect(needsReauthorization(account)).toBe(true)
    expect(nextAction(account)).toContain('READ_CONTENT')
    expect(nextAction(account)).not.toContain('READ_USERS')
  })

  it('needs a new consent when pages are missing, and names them', () => {
    const missingResources = [
      { name: 'Tasks', resourceId: '1' },
      { name: 'Notes', resourceId: null },
    ]
    const account: ConnectedAccount = { ...active, missingResources }
    expect(needsReauthorization(account)).toBe(true)
    expect(nextAction(account)).toMatch(/"Tasks", "Notes"/)
  })

  it('needs its operator when the provider refuses a capability', () => {
    const account = withGrant({ deniedCapabilities: ['READ_USERS'] })
    expect(needsReauthorization(account)).toBe(false)
    expect(nextAction(account)).toMatch(/refuses READ_USERS\. Enable it/)
    // A capability that is no longer registered needs no change at the provider.
    expect(nextAction({ ...account, appCapabilities: ['READ_CONTENT'] })).not.toContain('refuses')
  })
})

describe('an account with any other status', () => {
  it('describes in sentences what to do next, and needs no new consent', () => {
    const statuses = Object.keys(accountStatuses) as AccountStatus[]
    const reasons = Object.keys(statusReasons) as StatusReason[]
    for (const status of statuses.filter((candidate) => candidate !== 'ACTIVE')) {
      for (const statusReason of reasons) {
        const account: ConnectedAccount = {
          ...active,
          status,
          statusReason,
          missingResources: [{ name: 'x', resourceId: null }],
        }
        expect(nextAction(account)).toMatch(/^[A-Z][\s\S]*\.$/)
        expect(needsReauthorization(account)).toBe(false)
      }
    }
  })

  it.each([
    ['AUTHORIZATION_DENIED', /denied consent/],
    ['AUTHORIZATION_ABANDONED', /did not finish in time/],
    ['AUTHORIZATION_FAILED', /failed/],
    ['CONFIRMATION_REFUSED', /another identifier/],
    ['CONFIRMATION_EXPIRED', /not confirmed in time/],
    ['CREATED', /^Call authorize/],
  ] as [StatusReason, RegExp][])('describes a PENDING account with %s in its own words', (statusReason, words) => {
    expect(nextAction({ ...active, status: 'PENDING', statusReason })).toMatch(words)
  })
})
