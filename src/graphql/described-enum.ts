import { builder } from './builder.ts'

/** Makes an enum of a table of the domain: values and their descriptions. */
export function describedEnum<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) {
  const entries = (Object.entries(values) as [Value, string][]).map(
    ([value, meaning]) => [value, { value, description: meaning }] as const,
  )
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(entries) as Record<Value, { value: Value; description: string }>,
  })
}
