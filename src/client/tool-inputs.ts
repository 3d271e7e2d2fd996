/*
 * The inputs of tools. Written by `npm run schema` from the tools of the server.
 */

/** The type of the input of each tool, by the name of the tool. */
export interface ToolInputs {
  /** Search: Find pages and databases by title or content. */
  readonly notion_data_fetch: {
    /** Words, "phrase", in:Tasks, edited:>2026-01, by:me; omit for all. */
    readonly query?: string | undefined
    /** Kind of object: page or database. */
    readonly filter?: string | Readonly<Record<string, unknown>> | undefined
    /** By last edit: ascending or descending. */
    readonly sort?: string | Readonly<Record<string, unknown>> | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Create a page: Create a page under a page, or a row of a database. */
  readonly notion_page_create: {
    /** ID or link of the database. */
    readonly database_id?: string | undefined
    /** Parent page, instead of database_id. */
    readonly parent_page_id?: string | undefined
    /** Values by name, such as {"title":"Plan","Stage":"New"}. */
    readonly properties?: Readonly<Record<string, unknown>> | undefined
    /** Blocks, such as [{"paragraph":{"rich_text":"Hello"}}]. */
    readonly child_blocks?: readonly (string | Readonly<Record<string, unknown>>)[] | undefined
    /** Content as Markdown, instead of child_blocks. */
    readonly markdown?: string | undefined
    /** Emoji or image URL. */
    readonly icon?: string | Readonly<Record<string, unknown>> | undefined
    /** Image URL. */
    readonly cover?: string | Readonly<Record<string, unknown>> | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Create a database: Create a database under a page. */
  readonly notion_database_create: {
    /** ID or link of the parent page. */
    readonly parent: string | Readonly<Record<string, unknown>>
    /** Title as plain text. */
    readonly title: string | readonly (string | Readonly<Record<string, unknown>>)[]
    /** Columns by name, such as {"Name":"title","Stage":{"select":{"options":["New"]}}}. */
    readonly properties: Readonly<Record<string, unknown>>
  }

  /** Get a database: Get the title and the properties (columns) of a database. */
  readonly notion_database_fetch: {
    /** ID or link of the database. */
    readonly database_id: string
  }

  /** Insert a row: Add a row to a database. Call notion_database_fetch first to get the property names. */
  readonly notion_database_insert_row: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Values by name, such as {"title":"Plan","Stage":"New"}. */
    readonly properties: Readonly<Record<string, unknown>>
    /** Blocks, such as [{"paragraph":{"rich_text":"Hello"}}]. */
    readonly child_blocks?: readonly (string | Readonly<Record<string, unknown>>)[] | undefined
    /** Emoji or image URL. */
    readonly icon?: string | Readonly<Record<string, unknown>> | undefined
    /** Image URL. */
    readonly cover?: string | Readonly<Record<string, unknown>> | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Read chosen properties: List the rows of a database with only some properties. */
  readonly notion_database_property_retrieve: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Names or IDs of the properties to return. */
    readonly property_id?: readonly string[] | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Query a database: List the rows of a database. Call notion_database_fetch first to get the property names. */
  readonly notion_database_query: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Condition, such as {"property":"Stage","select":{"equals":"New"}}, or {"and":[…]} of several. */
    readonly filter?: Readonly<Record<string, unknown>> | undefined
    /** Order, such as [{"property":"Name","direction":"ascending"}]. */
    readonly sorts?: readonly Readonly<Record<string, unknown>>[] | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Add a comment: Comment on a page or block, or reply to a discussion. */
  readonly notion_comment_create: {
    /** Text of the comment. */
    readonly comment: string | Readonly<Record<string, unknown>>
    /** Page ID, or {"block_id":"…"}. */
    readonly parent?: string | Readonly<Record<string, unknown>> | undefined
    /** Discussion to reply to, instead of parent. */
    readonly discussion_id?: string | undefined
  }

  /** Get a comment: Get one comment by its ID. */
  readonly notion_comment_retrieve: {
    /** Comment ID. */
    readonly comment_id: string
  }

  /** List comments: List the unresolved comments of a page or block. */
  readonly notion_comments_fetch: {
    /** ID or link of the page or block. */
    readonly block_id: string
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Read a page: Get the properties and content of a page or row, by its ID or title. */
  readonly notion_page_fetch: {
    /** ID or link of the page. */
    readonly page_id?: string | undefined
    /** Title, instead of page_id. */
    readonly title?: string | undefined
    /** Use blocks to get block IDs for editing. Default: "markdown". */
    readonly format?: 'markdown' | 'blocks' | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Update a page: Change the properties, icon, cover or lock of a page or row, or apply a template. For rows, call notion_database_fetch first to get property names. */
  readonly notion_page_update: {
    /** ID or link of the page. */
    readonly page_id: string
    /** New values by property name, such as {"Stage":"Done"}; null clears a value. */
    readonly properties?: Readonly<Record<string, unknown>> | undefined
    /** Emoji or image URL; "none" removes it. */
    readonly icon?: string | Readonly<Record<string, unknown>> | null | undefined
    /** Image URL; "none" removes it. */
    readonly cover?: string | Readonly<Record<string, unknown>> | null | undefined
    /** Whether it is locked in Notion’s editor. */
    readonly is_locked?: boolean | undefined
    /** ID of a template. Call notion_template_list to list templates. */
    readonly template_id?: string | undefined
  }

  /** Move a page: Move a page under another page or into a database. Pass either parent_page_id or database_id. */
  readonly notion_page_move: {
    /** ID or link of the page to move. */
    readonly page_id: string
    /** ID or link of the new parent page. */
    readonly parent_page_id?: string | undefined
    /** ID or link of the new parent database. */
    readonly database_id?: string | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Trash a page: Move a page or row and everything under it to the trash. Call notion_page_restore to undo it. */
  readonly notion_page_trash: {
    /** ID or link of the page. */
    readonly page_id: string
  }

  /** Restore a page: Restore a page or row from the trash. */
  readonly notion_page_restore: {
    /** ID or link of the page. */
    readonly page_id: string
  }

  /** Edit a page’s content: Edit the Markdown content of a page. Pass updates to replace passages, or content to replace everything. Call notion_page_fetch first to read it. */
  readonly notion_page_content_update: {
    /** ID or link of the page. */
    readonly page_id: string
    /** Replacements, applied in order. */
    readonly updates?: readonly ({
      /** Exact text that occurs once. */
      readonly old_str: string
      /** Replacement. */
      readonly new_str: string
      /** Replace every occurrence of old_str. */
      readonly replace_all_matches?: boolean | undefined
    })[] | undefined
    /** New Markdown of the whole page, instead of updates. */
    readonly content?: string | undefined
    /** Allow the edit to delete child pages and databases. */
    readonly allow_deleting_content?: boolean | undefined
  }

  /** Get one property: Get all entries of one property of a page. Other tools return at most 25 entries of a relation, people, text or rollup property. */
  readonly notion_property_item_fetch: {
    /** ID or link of the page. */
    readonly page_id: string
    /** Property name or ID. */
    readonly property: string
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** List blocks: List the direct children of a page or block, with their IDs. */
  readonly notion_block_list: {
    /** ID or link of the parent page or block. */
    readonly block_id: string
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Get a block: Get one block, without its children. */
  readonly notion_block_fetch: {
    /** ID or link of the block. */
    readonly block_id: string
  }

  /** Append blocks: Append any number of blocks, nested to any depth, to a page or block. They go to the end unless you pass position or after_block_id. */
  readonly notion_block_append: {
    /** ID or link of the parent page or block. */
    readonly block_id: string
    /** Blocks, such as [{"paragraph":{"rich_text":"Hello"}}]. */
    readonly children: readonly (string | Readonly<Record<string, unknown>>)[]
    /** Start or end of the parent; instead of after_block_id. */
    readonly position?: 'start' | 'end' | undefined
    /** ID of the child of block_id that the new blocks follow. */
    readonly after_block_id?: string | undefined
  }

  /** Update a block: Replace the content of a block. Its type cannot change. Call notion_block_list first to read it. */
  readonly notion_block_update: {
    /** ID or link of the block. */
    readonly block_id: string
    /** New content under the type of the block, such as {"to_do":{"rich_text":"Buy milk","checked":true}}. */
    readonly block: Readonly<Record<string, unknown>>
  }

  /** Delete a block: Move a block and everything under it to the trash. */
  readonly notion_block_delete: {
    /** ID or link of the block. */
    readonly block_id: string
  }

  /** Update a database: Change the title, description, icon, cover or layout of a database, or move it to the trash or restore it. To change properties, call notion_data_source_update. */
  readonly notion_database_update: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Plain text, or a list of Notion rich text. */
    readonly title?: string | readonly unknown[] | null | undefined
    /** Plain text, or a list of Notion rich text. */
    readonly description?: string | readonly unknown[] | null | undefined
    /** Emoji or image URL. */
    readonly icon?: string | Readonly<Record<string, unknown>> | null | undefined
    /** Image URL. */
    readonly cover?: string | Readonly<Record<string, unknown>> | null | undefined
    /** Whether the database is shown inside its parent page. */
    readonly is_inline?: boolean | undefined
    /** Whether it is locked in Notion’s editor. */
    readonly is_locked?: boolean | undefined
    /** true moves it to the trash, false restores it. */
    readonly in_trash?: boolean | undefined
  }

  /** Get a data source: Get the schema of one data source of a database. */
  readonly notion_data_source_fetch: {
    /** ID or link of the data source. */
    readonly data_source_id: string
  }

  /** Add a data source: Add another data source (table) to a database. To create a new database, call notion_database_create. */
  readonly notion_data_source_create: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Plain text, or a list of Notion rich text. */
    readonly title?: string | readonly (string | Readonly<Record<string, unknown>>)[] | undefined
    /** Columns by name, such as {"Name":"title","Stage":{"select":{"options":["New"]}}}. */
    readonly properties: Readonly<Record<string, unknown>>
  }

  /** Update a data source: Add, change, rename or remove properties of a data source, or change its title. Call notion_database_fetch first to get its ID. */
  readonly notion_data_source_update: {
    /** ID or link of the data source. */
    readonly data_source_id: string
    /** Plain text, or a list of Notion rich text. */
    readonly title?: string | readonly unknown[] | null | undefined
    /** Changes by property name: a type such as "date", {"name":"…"} to rename, or null to remove. */
    readonly properties?: Readonly<Record<string, unknown>> | undefined
    /** Emoji or image URL; "none" removes it. */
    readonly icon?: string | Readonly<Record<string, unknown>> | null | undefined
    /** true moves it to the trash, false restores it. */
    readonly in_trash?: boolean | undefined
  }

  /** List templates: List the templates for rows of a database. */
  readonly notion_template_list: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Only templates whose name contains this. */
    readonly name?: string | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** List views: List the views of a database with their filters, sorts and layout. */
  readonly notion_view_list: {
    /** ID or link of the database. */
    readonly database_id: string
    /** Up to 25 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Get a view: Get the filter, sorts and layout of one view of a database. */
  readonly notion_view_fetch: {
    /** ID or link of the view. */
    readonly view_id: string
  }

  /** Query a view: List the rows of a view, filtered and sorted as the view is. */
  readonly notion_view_query: {
    /** ID or link of the view. */
    readonly view_id: string
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Create a view: Add a view to a database, to a dashboard, or as a linked database to a page. Call notion_database_fetch first to get the property names. */
  readonly notion_view_create: {
    /** Database whose rows it shows. */
    readonly database_id: string
    /** Name of the view. */
    readonly name: string
    /** Layout. board needs group_by, calendar and timeline date_property_id. */
    readonly type: 'table' | 'board' | 'list' | 'calendar' | 'timeline' | 'gallery' | 'form' | 'chart' | 'map' | 'dashboard'
    /** Condition as in notion_database_query. */
    readonly filter?: Readonly<Record<string, unknown>> | undefined
    /** Order as in notion_database_query. */
    readonly sorts?: readonly Readonly<Record<string, unknown>>[] | undefined
    /** Conditions of the filter bar, such as {"Stage":{"select":{"equals":"New"}}}. */
    readonly quick_filters?: Readonly<Record<string, unknown>> | undefined
    /** Layout, such as {"group_by":"Stage"}, or {"date_property_id":"Due"}. */
    readonly configuration?: Readonly<Record<string, unknown>> | undefined
    /** Dashboard to add it to as a widget. */
    readonly dashboard_view_id?: string | undefined
    /** Page to add it to as a linked database. */
    readonly page_id?: string | undefined
    /** Name or ID, if the database has several. */
    readonly data_source?: string | undefined
  }

  /** Change a view: Change the name, filter, sorts or layout of a view. Its type cannot change. Call notion_view_fetch first to read it. */
  readonly notion_view_update: {
    /** ID or link of the view. */
    readonly view_id: string
    /** New name. */
    readonly name?: string | undefined
    /** New condition as in notion_database_query; {} removes the filter. */
    readonly filter?: Readonly<Record<string, unknown>> | undefined
    /** New order by properties, as in notion_database_query; [] removes it. */
    readonly sorts?: readonly Readonly<Record<string, unknown>>[] | undefined
    /** Conditions of the filter bar, such as {"Stage":{"select":{"equals":"New"}}}. */
    readonly quick_filters?: Readonly<Record<string, unknown>> | undefined
    /** Layout, such as {"group_by":"Stage"}, or {"date_property_id":"Due"}. */
    readonly configuration?: Readonly<Record<string, unknown>> | undefined
  }

  /** Delete a view: Delete a view of a database for good. The rows remain. */
  readonly notion_view_delete: {
    /** ID or link of the view. */
    readonly view_id: string
  }

  /** List users: List the members and bots of the workspace to get user IDs. */
  readonly notion_user_list: {
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Get a user: Get one user by id. */
  readonly notion_user_fetch: {
    /** User ID. */
    readonly user_id: string
  }

  /** Who am I: Get the bot user of this connection and the user that it acts for. */
  readonly notion_user_self: Readonly<Record<string, never>>

  /** Change a comment: Replace the text of a comment that this connection wrote. */
  readonly notion_comment_update: {
    /** Comment ID. */
    readonly comment_id: string
    /** Plain text, or a list of Notion rich text. */
    readonly rich_text?: string | readonly (string | Readonly<Record<string, unknown>>)[] | undefined
    /** Markdown, instead of rich_text. */
    readonly markdown?: string | undefined
  }

  /** Delete a comment: Delete a comment that this connection wrote. */
  readonly notion_comment_delete: {
    /** Comment ID. */
    readonly comment_id: string
  }

  /** Upload a file: Upload a file of up to 700 KB; for a larger one, call notion_file_upload_link. Attach it within an hour as {"file_upload":{"id":"…"}} in a block, property, icon or cover. */
  readonly notion_file_upload_content: {
    /** File name with extension. */
    readonly filename: string
    /** Media type, such as image/png. */
    readonly content_type: string
    /** Content of the file in base64. */
    readonly content: string
  }

  /** Upload from a link: Let Notion download a file from a public https URL. Call notion_file_upload_fetch to see whether it arrived. */
  readonly notion_file_upload_link: {
    /** Public https URL of the file. */
    readonly external_url: string
    /** File name with extension. */
    readonly filename: string
    /** Media type, such as image/png. */
    readonly content_type?: string | undefined
  }

  /** Get an upload: Get the status of a file upload. */
  readonly notion_file_upload_fetch: {
    /** Upload ID. */
    readonly file_upload_id: string
  }

  /** List uploads: List the file uploads of this connection. */
  readonly notion_file_upload_list: {
    /** Only uploads with this status. */
    readonly status?: 'pending' | 'uploaded' | 'expired' | 'failed' | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Show the workspace: Show the shared pages and databases as an outline, without rows. Use notion_data_fetch to find one by title. */
  readonly notion_workspace_tree: {
    /** Levels to show. Default: 3. */
    readonly depth?: number | undefined
  }

  /** Locate an object: Get the path from the top of the workspace to a page, database, row or block. */
  readonly notion_object_locate: {
    /** ID or link of the page, database or block. */
    readonly object_id: string
  }

  /** List custom emojis: List the emojis that the workspace added, to use their IDs in icons: {"custom_emoji":{"id":"…"}}. */
  readonly notion_custom_emoji_list: {
    /** Exact name. */
    readonly name?: string | undefined
    /** Up to 100 results. */
    readonly page_size?: number | undefined
    /** next_cursor of the previous result. */
    readonly start_cursor?: string | undefined
  }

  /** Find meeting notes: List AI meeting notes of meetings that the user attended. Call notion_block_list with an ID to read the notes. */
  readonly notion_meeting_note_query: {
    /** Words that the title contains. */
    readonly title?: string | undefined
    /** User ID of an attendee. */
    readonly attendee_id?: string | undefined
    /** Date, such as 2026-07-01. */
    readonly created_on_or_after?: string | undefined
    /** Date, such as 2026-07-31. */
    readonly created_on_or_before?: string | undefined
    /** By time of creation. Default: "newest". */
    readonly order?: 'newest' | 'oldest' | undefined
    /** Up to 50 results. Default: 20. */
    readonly limit?: number | undefined
  }

  /** Create meeting notes: Let Notion transcribe and summarize a recording. Pass block_id, or file_upload_id and page_id. Call notion_block_fetch until status is notes_ready. */
  readonly notion_meeting_note_create: {
    /** Audio or video block. */
    readonly block_id?: string | undefined
    /** Uploaded recording. */
    readonly file_upload_id?: string | undefined
    /** Page for the notes of an upload. */
    readonly page_id?: string | undefined
    /** Title of the notes. */
    readonly title?: string | undefined
    /** Spoken language, such as en; auto if omitted. */
    readonly language?: string | undefined
    /** false transcribes only. */
    readonly summarize?: boolean | undefined
  }

  /** Get a background task: Get the status and result of a write that Notion does in the background. An error that mentions a task has its ID. */
  readonly notion_async_task_fetch: {
    /** Task ID, such as task_0123abcd. */
    readonly task_id: string
  }

  /** Read by path: Send a GET request to the Notion API, for what no other tool reads. Works only where the operator allows it. */
  readonly notion_api_request: {
    /** Path with query, such as /v1/users?page_size=10. */
    readonly path: string
  }
}
