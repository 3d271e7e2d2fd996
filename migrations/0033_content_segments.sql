-- Words of the content are in sealed segments instead of terms, so that what is equal in two documents cannot be seen, and an
-- index is a fraction as large. Indexes are built again: what they had cannot be converted without their keys.
delete from content_indexes;
truncate content_documents, content_changes, erased_content_indexes;

-- number is given when a document is stored, each time another one. Segments have the numbers of documents; one that no document
-- has any more was replaced or removed. Sealed bytes cannot be compressed.
drop index content_documents_edited;
alter table content_documents
  drop column terms,
  drop column grant_id,
  add column number bigint not null,
  alter column sealed set storage external;
create unique index content_documents_number on content_documents (index_id, number);
alter table content_indexes add column last_number bigint not null default 0;

-- The words of some documents of an index, each with the documents that have it. A word is in the bucket that the key of the
-- index assigns to its beginning, of the `buckets` of its segment, which are a power of two. Bucket -1 is the list of the
-- documents. A segment never changes: segments are merged to a new one, which replaces them.
create table content_segments (
  index_id uuid not null,
  bucket integer not null,
  segment bigint not null,
  environment_id uuid not null,
  buckets integer not null,
  documents integer not null,
  sealed bytea not null,
  primary key (index_id, bucket, segment)
);
alter table content_segments alter column sealed set storage external;

-- As for the grants of an OAuth app that switches indexes on.
insert into content_indexes (environment_id, grant_id)
select grants.environment_id, grants.id
from grants join oauth_apps on oauth_apps.environment_id = grants.environment_id and oauth_apps.id = grants.oauth_app_id
where oauth_apps.content_search and grants.status = 'active';
