import { contentRoutes } from './api/routes.ts'
import type { Route } from './context.ts'

/** All operations that require a bearer token. */
export const apiRoutes: readonly Route[] = contentRoutes
