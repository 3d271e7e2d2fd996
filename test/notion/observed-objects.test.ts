import { describe, expect, it } from 'vitest'
import { createObservedObjects } from '../../src/notion/observed-objects.ts'
import { testAccount } from './support.ts'

const at = Date.parse('2026-01-01')

/** An id by its number. */
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** The account of a grant by its number, all in one workspace. */
function accountOf(number: number) {
  const account = testAccount()
  if (account.grant === null) throw new Error('The account of the tests has no grant.')
  return { ...account, grant: { ...account.grant, id: id(1_000_000 + number) } }
}

const page = (number: number, more: object = {}) => ({ object: 'page', id: id(number), properties: {}, ...more })
const list = (results: readonly object[]) => ({ object: 'list', results })
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

describe('what is remembered of the objects that accounts read', () => {
  it('is known to the grant that read them, and to others of the workspace as bare existence', () => {
    const observed = createObservedObjects(() => at)
    observed.note(accountOf(1), list([page(1), page(2, { in_trash: true })]))
    expect(observed.own(accountOf(1), id(1))).toEqual({ kind: 'page', at, inTrash: false })
    expect(observed.own(accountOf(1), id(2))).toEqual({ kind: 'page', at, inTrash: true })
    expect(observed.others(accountOf(1), id(1))).toBeNull()
    expect(observed.own(accountOf(2), id(1))).toBeNull()
    expect(observed.others(accountOf(2), id(1))).toMatchObject({ kind: 'page', at })
    expect(observed.others({ ...accountOf(2), environmentId: id(9) }, id(1))).toBeNull()
  })

  it('has the time of the last answer that had an object, and its last state', () => {
    let now = at
    const observed = createObservedObjects(() => now)
    observed.note(accountOf(1), page(1))
    now += 60_000
    observed.note(accountOf(1), page(1))
    expect(observed.own(accountOf(1), id(1))?.at).toBe(now)
    now += 10
    observed.note(accountOf(1), page(1, { in_trash: true }))
    expect(observed.own(accountOf(1), id(1))).toEqual({ kind: 'page', at: now, inTrash: true })
    expect(observed.others(accountOf(2), id(1))).toMatchObject({ at: now, inTrash: true })
  })

  it('names the first object of an answer that refers to another', () => {
    const observed = createObservedObjects(() => at)
    const parent = { type: 'page_id', page_id: id(9) }
    observed.note(accountOf(1), page(1, { properties: { Related: { relation: [{ id: id(2) }, { id: id(3) }] } } }))
    observed.note(accountOf(1), page(4, { parent }))
    expect(observed.reference(accountOf(1), id(2))).toEqual({ how: 'relation', by: id(1), at })
    expect(observed.reference(accountOf(1), id(9))).toEqual({ how: 'parent', by: id(4), at })
    expect(observed.reference(accountOf(2), id(9))).toBeNull()
  })

  it('ignores names that are not ids, and objects of which an answer has only the id', () => {
    const observed = createObservedObjects(() => at)
    observed.note(
      accountOf(1),
      list([
        { ...page(1), id: 'a page' },
        { object: 'page', id: id(2) },
      ]),
    )
    observed.note(accountOf(1), page(3, { parent: { page_id: '../admin' } }))
    expect(observed.own(accountOf(1), 'a page')).toBeNull()
    expect(observed.own(accountOf(1), id(2))).toBeNull()
    expect(observed.reference(accountOf(1), '../admin')).toBeNull()
  })

  it('is forgotten for an id and its grants, and for nothing else', () => {
    const observed = createObservedObjects(() => at)
    for (const number of [1, 2, 3]) observed.note(accountOf(number), list([page(1), page(2)]))
    const { environmentId, grant } = accountOf(1)
    const grantIds = [accountOf(1).grant.id, accountOf(3).grant.id]
    observed.forget({ environmentId, workspaceId: grant.workspaceId, grantIds }, id(1))
    expect([1, 2, 3].map((number) => observed.own(accountOf(number), id(1)) !== null)).toEqual([false, true, false])
    expect([1, 2, 3].map((number) => observed.own(accountOf(number), id(2)) !== null)).toEqual([true, true, true])
    expect(observed.others(accountOf(2), id(1))).toBeNull()
  })

  it('has a bound for each grant, within which the newest remain, so that none displaces what others observed', () => {
    const max = 1_000
    const observed = createObservedObjects(() => at, max)
    observed.note(accountOf(1), list(numbers(0, 50).map((number) => page(number))))
    for (const from of [1_000, 2_000, 3_000]) observed.note(accountOf(2), list(numbers(from, 500).map((n) => page(n))))
    // The order in which an answer is read is not that of its list.
    const known = (account: number, ids: readonly number[]) =>
      ids.filter((number) => observed.own(accountOf(account), id(number)) !== null).length
    expect(known(1, numbers(0, 50))).toBe(50)
    expect(known(2, [...numbers(1_000, 500), ...numbers(2_000, 500)])).toBe(0)
    expect(known(2, numbers(3_000, 500))).toBe(max / 10)
  })

  it('forgets the grant that called least recently when there are too many ids', () => {
    const observed = createObservedObjects(() => at, 1_000)
    // In two answers: what a grant takes grows with each.
    const read = (account: number) => {
      for (const from of [account * 1_000, account * 1_000 + 45])
        observed.note(accountOf(account), list(numbers(from, 45).map((number) => page(number))))
    }
    const isKnown = (account: number) => observed.own(accountOf(account), id(account * 1_000)) !== null
    for (const account of numbers(1, 11)) read(account)
    expect(isKnown(1)).toBe(true)
    read(12)
    expect(numbers(1, 12).filter((account) => !isKnown(account))).toEqual([2])
  })
})
