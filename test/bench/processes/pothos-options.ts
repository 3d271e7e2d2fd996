/**
 * Options of the floors' schema builders. Valetkey's plugins extend Pothos's types for the whole project, so that their
 * options are required here too; without the plugins nothing reads them.
 */
export const pothosOptions = { scopeAuth: { authScopes: () => ({}) } }
