import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { notificationsOfServer } from '../../src/db/notifications.ts'
import { newPostgresDatabase } from '../support/database.ts'

describe('the connection for events', () => {
  it('sends one statement at a time, however many listeners begin at once', async () => {
    const database = await newPostgresDatabase()
    const url = database.location.directUrl ?? database.location.url
    const warnings: Error[] = []
    const note = (warning: Error) => void warnings.push(warning)
    process.on('warning', note)
    const received: string[] = []
    const notifications = notificationsOfServer(url, 'select', () => {})
    const listen = (channel: string) =>
      notifications.listen(channel, {
        onMessage: (payload) => void received.push(`${channel}: ${payload}`),
        onGap: () => {},
      })
    const first = await listen('first')
    const others = await Promise.all(['second', 'third', 'fourth', 'fifth'].map(listen))
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    try {
      await admin.query("notify first, 'news'")
      await admin.query("notify fifth, 'news'")
      await expect.poll(() => received).toEqual(['first: news', 'fifth: news'])
      expect(warnings).toEqual([])
    } finally {
      process.off('warning', note)
      for (const stop of [first, ...others]) await stop()
      await admin.end()
      await database.drop()
    }
  })

  it('is opened again whenever it is lost, and leaves nothing of the lost ones behind', async () => {
    const database = await newPostgresDatabase()
    const url = database.location.directUrl ?? database.location.url
    const warnings: Error[] = []
    const note = (warning: Error) => void warnings.push(warning)
    process.on('warning', note)
    let gaps = 0
    const received: string[] = []
    const stop = await notificationsOfServer(url, 'select', () => {}).listen('news', {
      onMessage: (payload) => void received.push(payload),
      onGap: () => {
        gaps += 1
      },
    })
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    try {
      // One more than the listeners of one signal of which Node warns.
      for (let lost = 1; lost <= 11; lost += 1) {
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'valetkey events' and datname = current_database()`,
        )
        await expect.poll(() => gaps, { timeout: 60_000 }).toBe(lost)
      }
      await admin.query("notify news, 'still here'")
      await expect.poll(() => received, { timeout: 60_000 }).toEqual(['still here'])
      expect(warnings).toEqual([])
    } finally {
      process.off('warning', note)
      await stop()
      await admin.end()
      await database.drop()
    }
  })
})
