/** A UUID in the form in which Postgres prints it: lower case, with hyphens (RFC 9562 section 4). */
export const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether the string is a UUID in lower case with hyphens. */
export const isUuid = (text: string): boolean => uuidPattern.test(text)
