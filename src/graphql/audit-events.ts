import * as z from 'zod'
import {
  type AuditEvent,
  actorDescription,
  auditActions,
  findAuditEventsById,
  listAuditEvents,
  publicId,
} from '../audit/audit-log.ts'
import { inputRules } from '../input-rules.ts'
import { uuidPattern } from '../uuid.ts'
import { access } from './access.ts'
import { builder } from './builder.ts'
import { afterField, cursorOf, firstField, pageComplexity, pageSize, toConnection } from './cursor.ts'
import { ruled } from './input-fields.ts'
import { nodeById } from './loaders.ts'
import { viewerOf } from './viewer.ts'

const AuditEventRef = nodeById<AuditEvent>('AuditEvent', ({ accounts }, { environmentId }, ids) =>
  findAuditEventsById(accounts.db, environmentId, ids),
)

AuditEventRef.implement({
  description: 'Recorded administrative act. Events are never changed.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime', description: 'Time of the act, by the clock of the database.' }),
    actor: t.string({ description: `Who acted. ${actorDescription}`, resolve: ({ actor }) => publicId(actor) }),
    action: t.exposeString('action', { description: `One of: ${Object.keys(auditActions).join(', ')}.` }),
    target: t.string({
      nullable: true,
      description:
        'ID of the object that was created, changed or deleted. Null for the server itself, and for several objects, which `before` or `after` name.',
      resolve: ({ target }) => target && publicId(target),
    }),
    sourceAddress: t.exposeString('sourceAddress', {
      nullable: true,
      description: 'Network address of the client. Null for acts without a request.',
    }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: 'Value of x-request-id of the response. Null for acts without a request.',
    }),
    before: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'Fields of the target before the act, without secrets. Null if it did not exist.',
      resolve: ({ before }) => before && { ...before },
    }),
    after: t.field({
      type: 'JSONObject',
      nullable: true,
      description:
        'Fields of the target after the act, without secrets: a secret that was replaced is "changed". Null if it no longer exists.',
      resolve: ({ after }) => after && { ...after },
    }),
  }),
})

const AuditEventConnection = builder.connectionObject(
  { type: AuditEventRef, name: 'AuditEventConnection', description: 'Page of administrative acts, newest first.' },
  builder.edgeObject({ type: AuditEventRef, name: 'AuditEventEdge', description: 'Act with its cursor.' }),
)

const AuditEventFilterRef = builder.inputType('AuditEventFilter', {
  description: 'Restricts a list of administrative acts. An act must match every given field.',
  fields: (t) => ({
    actor: t.string(ruled(inputRules.auditName, 'Who acted, as in AuditEvent.actor.')),
    target: t.string(ruled(inputRules.auditName, 'ID of the target.')),
    action: t.stringList(ruled(inputRules.auditActions, 'Actions to include.')),
    since: t.field({
      type: 'DateTime',
      description:
        'Acts at this time or later. An act is listed when its transaction commits, which can be after later acts: to read what is new, start five minutes before the newest act that you have, and ignore the IDs that you know.',
    }),
    until: t.field({ type: 'DateTime', description: 'Acts before this time.' }),
  }),
})

/** Cursors of the log: the ID of an event, which contains its time. */
const eventCursor = cursorOf('auditEvents', z.tuple([z.string().regex(uuidPattern)]))

/** Returns the stored name of an ID; other names, such as `cli`, unchanged. */
function storedName(id: string): string {
  const decoded = Buffer.from(id, 'base64').toString('utf8')
  return publicId(decoded) === id ? decoded : id
}

builder.queryField('auditEvents', (t) =>
  t.field({
    type: AuditEventConnection,
    description:
      'Administrative acts in the environment, newest first: who did what, when and from where. Contains no tool calls; see toolExecutions. Acts leave the log after the time that the operator has set, 400 days by default.',
    authScopes: access('Query.auditEvents'),
    args: {
      first: t.arg.int(firstField),
      after: t.arg.string(afterField(eventCursor)),
      filter: t.arg({ type: AuditEventFilterRef, description: 'Restricts the list. Default: all acts.' }),
    },
    complexity: pageComplexity,
    resolve: async (_root, args, context) => {
      const size = pageSize(args)
      const [after] = eventCursor.decode(context, args.after) ?? [null]
      const { actor, target, ...times } = args.filter ?? {}
      const filter = { ...times, actor: actor && storedName(actor), target: target && storedName(target) }
      const { environmentId } = viewerOf(context)
      const page = { limit: size + 1, after, order: 'newest' } as const
      const found = await listAuditEvents(context.accounts.db, environmentId, filter, page)
      return toConnection(found, size, args.after, ({ id }) => eventCursor.encode(context, [id]))
    },
  }),
)
