/**
 * Something that can be switched on for an OAuth app in its provider's settings, such as `READ_CONTENT`. Each connector
 * lists its own with descriptions in `OAuthProvider.capabilities`; the GraphQL enum is built from those of the installed
 * connectors.
 */
export type Capability = string
