import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { createLog } from '../../src/log.ts'
import { createEventListeners } from '../../src/provider-events/listeners.ts'
import { freshDatabase } from '../support/database.ts'

it('listeners wake the nodes that poll when they are new, and not when their rows are stored again', async () => {
  const database = await freshDatabase('postgres')
  const channel = 'valetkey_event_listeners'
  const messages: string[] = []
  const stop = await database.notifications.listen(channel, {
    onMessage: (payload) => void messages.push(payload === '' ? 'new' : payload),
    onGap: () => {},
  })
  const listeners = createEventListeners(database, createLog('silent'))
  try {
    const { rows } = await sql<{ id: string }>`insert into environments (name) values ('events') returning id`.execute(
      database.db,
    )
    const environmentId = rows[0]?.id ?? ''
    const one = (identifier: string) => ({
      ...{ environmentId, connector: 'notion', connectionName: null },
      identifiers: { kind: 'one', identifier } as const,
    })
    listeners.add([one('ann'), one('bob')])
    await expect.poll(() => messages).toEqual(['new'])
    await sql`insert into event_listeners select * from event_listeners on conflict do nothing`.execute(database.db)
    await sql`select pg_notify(${channel}, 'after')`.execute(database.db)
    await expect.poll(() => messages).toEqual(['new', 'after'])
  } finally {
    await listeners.close()
    await stop()
    await database.close()
  }
})
