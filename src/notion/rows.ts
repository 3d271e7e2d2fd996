import type { CreatePageParameters } from '@notionhq/client'
import type { InputIssue } from '../errors.ts'
import { isObject, type JsonObject } from './json.ts'
import { exactlyNamed } from './names.ts'
import { addIssue, collectIssues, type InputContext, unknown } from './rich-text.ts'
import { propertyValue } from './row-values.ts'
import { findProperty, type PropertySchema } from './schema-cache.ts'

/** The properties of a page in Notion's form. */
export type PageProperties = NonNullable<CreatePageParameters['properties']>

/** The properties of a row in Notion's form, and what is wrong with them. Nothing is sent while there are issues. */
export interface CheckedRow {
  readonly properties: PageProperties
  readonly issues: readonly InputIssue[]
}

/**
 * Checks the values of a row against the properties of its data source and returns them in Notion's form. A property is
 * named by its name, its id or, for the title, by `title`; a name that looks the same as the name of one property means
 * it. A plain value means the object around it: `"Done"` for `{"status": {"name": "Done"}}`. Null clears a value.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
export function checkRow(schemas: readonly PropertySchema[], values: JsonObject, path = 'properties'): CheckedRow {
  const properties: Record<string, unknown> = {}
  const { issues } = collectIssues((list) => {
    for (const [key, value] of Object.entries(values)) {
      const context: InputContext = { path: `${path}.${key}`, issues: list }
      const property = propertyFor(schemas, key, value)
      if (property === undefined) {
        addIssue(context, unknownProperty(schemas, key))
      } else if (Object.hasOwn(properties, property.name)) {
        addIssue(context, `must be left out: it is the same property as "${property.name}"`)
      } else {
        // "__proto__" is a possible name of a property.
        Object.defineProperty(properties, property.name, {
          value: propertyValue(property, value, context),
          enumerable: true,
        })
      }
    }
  })
  // Without issues each value has the form that the type of its property needs.
  return { properties: properties as PageProperties, issues }
}

/** Checks the properties of a page outside of databases, which has only a title. */
export function checkLonePage(values: JsonObject, path = 'properties'): CheckedRow {
  const title: PropertySchema = { id: 'title', name: 'title', type: 'title', options: [], groups: [] }
  const keys = Object.keys(values)
  const wrong = keys.find((key) => key !== 'title' && !(isObject(values[key]) && values[key].title !== undefined))
  if (wrong !== undefined) {
    return {
      properties: {},
      issues: [
        {
          path: `${path}.${wrong}`,
          message: 'must be left out: a page outside of a database has only a title, under "title"',
        },
      ],
    }
  }
  const [key] = keys
  if (key === undefined) return { properties: {}, issues: [] }
  const { value, issues } = collectIssues((list) => {
    if (keys.length > 1) addIssue({ path, issues: list }, 'must name the title once')
    return propertyValue(title, values[key], { path: `${path}.${key}`, issues: list })
  })
  return { properties: { title: value } as unknown as PageProperties, issues }
}

/** Returns the property that a key of values means; compact results put `property ` before some names. */
export function propertyFor(
  schemas: readonly PropertySchema[],
  key: string,
  value: unknown,
): PropertySchema | undefined {
  // Another property may be named "title": a value that has the type of a title is the title all the same.
  const isTitle = key === 'title' && isObject(value) && value.title !== undefined
  if (isTitle) return schemas.find((property) => property.type === 'title')
  const marked = key.startsWith('property ') ? exactlyNamed(schemas, key.slice('property '.length)) : undefined
  return findProperty(schemas, key) ?? marked
}

/** Returns the message about a name that no property has. */
export function unknownProperty(properties: readonly { readonly name: string }[], name: string): string {
  const names = properties.map((property) => property.name)
  // "title" names the title whatever its name, and "Title" means it.
  return unknown('property', name, names, '', [...names, 'title'])
}
