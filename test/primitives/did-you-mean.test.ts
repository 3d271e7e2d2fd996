import { expect, it } from 'vitest'
import { didYouMean, nearest } from '../../src/did-you-mean.ts'
import { executedBlocks } from '../support/executed-blocks.ts'

const properties = ['Name', 'Status', 'Due Date', 'Priority']

it('suggests the nearest name as a question', () => {
  expect(didYouMean('Statu', properties)).toBe(' Did you mean "Status"?')
})

it('suggests nothing when no name resembles the given one', () => {
  expect(didYouMean('Weather', properties)).toBe('')
  expect(didYouMean('Status', [])).toBe('')
})

it('ignores case and separators, and counts a swap of neighbours as one edit', () => {
  expect(nearest('due_date', properties)).toEqual(['Due Date'])
  expect(nearest('Pirority', properties)).toEqual(['Priority'])
})

it('finds names that contain the given one or are contained in it', () => {
  expect(nearest('date', ['Due Date Of The Whole Project', 'Owner'])).toEqual(['Due Date Of The Whole Project'])
})

it('returns the nearest first, at most as many as asked for', () => {
  const names = ['page_fetch', 'page_create', 'page_update', 'page_trash', 'page_move']
  expect(nearest('page_fetc', names, 2)[0]).toBe('page_fetch')
  expect(nearest('page', names, 2)).toHaveLength(2)
})

it('compares long names with bounded work', async () => {
  const long = 'x'.repeat(1_000_000)
  expect(await executedBlocks(() => nearest(long, [long, 'y'.repeat(1_000_000)]))).toBeLessThan(100_000)
})
