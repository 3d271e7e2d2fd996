-- Documents and segments have the language of a text, by which other forms of words are found. Indexes are built again: what they
-- had cannot be read and changed without their keys.
delete from content_indexes;
truncate content_documents, content_segments, content_changes, erased_content_indexes;

-- As for the grants of an OAuth app that switches indexes on.
insert into content_indexes (environment_id, grant_id)
select grants.environment_id, grants.id
from grants join oauth_apps on oauth_apps.environment_id = grants.environment_id and oauth_apps.id = grants.oauth_app_id
where oauth_apps.content_search and grants.status = 'active';
